"""Settings that are read together: where mail is handed over."""

from pathlib import Path

import pytest

from core.settings import MailServer, Settings, load_settings, mail_server

FROM = "points@shop.example"


def test_without_an_address_mail_is_not_set_up() -> None:
    assert load_settings(mail_from=FROM).mail is None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://points:p%40ss%2Fword@mail.example",
            MailServer("mail.example", 587, "starttls", "points", "p@ss/word", FROM),
        ),
        ("smtps://mail.example", MailServer("mail.example", 465, "implicit", None, None, FROM)),
        ("smtp://mail.example:2525", MailServer("mail.example", 2525, "starttls", None, None, FROM)),
        ("smtp://localhost:25?starttls=never", MailServer("localhost", 25, "none", None, None, FROM)),
    ],
)
def test_an_address_says_where_and_how(url: str, server: MailServer) -> None:
    assert mail_server(url, sender=FROM) == server


def test_the_address_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "smtp"
    path.write_text("smtps://points:word@mail.example\n")

    found = load_settings(smtp_url_file=path, mail_from=FROM).mail

    assert found is not None
    assert (found.host, found.password) == ("mail.example", "word")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_url": "http://mail.example"}, "must look like smtp://"),
        ({"smtp_url": "smtp://mail.example/path"}, "must look like smtp://"),
        ({"smtp_url": "smtp://mail.example:many"}, "the port is no number"),
        ({"smtp_url": "smtp://mail.example?starttls=maybe"}, "no other option"),
        ({"smtp_url": "smtps://mail.example?starttls=never"}, "no other option"),
        ({"smtp_url": "smtp://points:sesame@mail.example?starttls=never"}, "does not travel without TLS"),
        ({"smtp_url": "smtp://mail.example", "mail_from": None}, "REGULARS_MAIL_FROM is not set"),
        ({"smtp_url": "smtp://mail.example", "mail_from": "Points <p@shop.example>"}, "REGULARS_MAIL_FROM"),
        ({"smtp_url": "smtp://mail.example", "mail_from": "p@shop.example\nBcc: x@y.example"}, "REGULARS_MAIL_FROM"),
        ({"smtp_url": "smtp://mail.example", "smtp_url_file": Path("smtp")}, "both set"),
        ({"smtp_url_file": Path("nowhere/smtp")}, "there is no file"),
    ],
)
def test_a_wrong_address_stops_the_start_with_one_line_and_without_the_password(
    wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        load_settings(**{"mail_from": FROM, **wrong})

    line = str(stopped.value)
    assert said in line
    assert line.startswith("regulars: ")
    assert "\n" not in line
    assert "sesame" not in line


def test_a_password_is_never_shown() -> None:
    settings = Settings(smtp_url="smtp://points:sesame@mail.example", mail_from=FROM)  # type: ignore[arg-type]

    assert "sesame" not in f"{settings!r} {settings.mail!r} {settings.model_dump()}"
