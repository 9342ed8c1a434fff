"""The letter with the code: short, in plain text and in HTML, with nothing to click. Pure."""

from html import escape

from core.mail.commands import Letter
from widgets.browser_texts import _
from widgets.speech import Speech

SUBJECT = _("Your code for {program}")
HELLO = _("Hello,")
HERE = _("this is your code for {program} in the shop {shop}:")
# Ten minutes, as core.proofs.commands.LIFE.
ENTER = _("Please enter it in the shop within 10 minutes. Only the newest code counts.")
NOT_YOU = _("You did not ask for it? Then you need not do anything: nobody sees your points without this code.")
NEVER = _("Please never give the code to anybody, not even to the shop.")

# Some mail programs know neither styles in a head nor variables; dark ones turn these colours round by themselves.
_PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width"><title>{subject}</title></head>
<body style="margin:0;padding:24px 16px;font:16px/1.5 sans-serif">
<div style="max-width:480px;margin:0 auto">
<p style="margin:0 0 16px">{hello}</p>
<p style="margin:0 0 16px">{here}</p>
<p style="margin:0 0 16px;padding:16px;border:1px solid #808080;border-radius:8px;text-align:center;\
font:bold 28px/1.3 monospace;letter-spacing:2px">{code}</p>
<p style="margin:0 0 16px">{enter}</p>
<p style="margin:0;font-size:14px">{not_you} {never}</p>
</div></body></html>
"""


def code_letter(code: str, *, program: str, shop: str, speech: Speech) -> Letter:
    """From the program by name. The code is shown in two halves, which can be typed with or without what parts them."""
    shown = f"{code[:4]}-{code[4:]}"
    subject = speech.text(SUBJECT, program=program)
    here = speech.text(HERE, program=program, shop=shop)
    hello, enter, not_you, never = (speech.text(text) for text in (HELLO, ENTER, NOT_YOU, NEVER))
    filled = {"subject": subject, "hello": hello, "here": here, "code": shown}
    filled |= {"enter": enter, "not_you": not_you, "never": never}
    locale = speech.catalogue.locale
    page = _PAGE.format(
        lang=speech.catalogue.language,
        dir=locale.text_direction,
        **{name: escape(text) for name, text in filled.items()},
    )
    text = f"{hello}\n\n{here}\n\n    {shown}\n\n{enter}\n\n{not_you} {never}\n"
    return Letter(sender=program, subject=subject, text=text, html=page)
