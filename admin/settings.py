"""The business itself: its name, the zone of this back office, and where this server is reached."""

from flask import flash, redirect, render_template, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.forms import Form, read_server_address, server_address, text, time_zone
from admin.screens import OWNERS, change, merchant, merchant_id, now, read, runtime, screen
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.errors import InvalidInput
from core.merchants import commands, queries


class SettingsForm(Form):
    name = text(_l("Name of your business"), autocomplete="organization")
    timezone = time_zone(_l("Time zone"), hint=_l("Times in this back office are shown in it."))
    public_url = server_address()


@screen("/settings", roles=OWNERS, methods=("GET", "POST"))
def settings() -> Response | str | tuple[str, int]:
    found = merchant()
    known = read(queries.public_url) or runtime().public_url()
    form = SettingsForm(name=found.name, timezone=found.timezone, public_url=known)
    # The address belongs to the whole server: only a setting or its only merchant may say it.
    if runtime().settings.public_url is not None or len(read(queries.all_merchants)) > 1:
        del form.public_url
    if form.validate_on_submit():
        try:
            change("settings.changed", lambda s: _store(s, form), details={"timezone": form.timezone.data})
        except InvalidInput as error:
            form.take_error(error, "name")
        else:
            flash(gettext("The settings are saved."), "success")
            return redirect(url_for("admin.settings"), code=303)
    return render_template(
        "admin/settings.html", form=form, address=runtime().public_url()
    ), 400 if form.errors else 200


def _store(s: Session, form: SettingsForm) -> None:
    commands.change_merchant(s, merchant_id(), name=form.name.data or "", timezone=form.timezone.data)
    if "public_url" in form:
        commands.set_public_url(s, read_server_address(form.public_url.data or ""), now=now())
