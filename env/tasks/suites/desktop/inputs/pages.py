"""Pages for the browser, which need no site: what is done on one shows in its title."""

from env.tasks.suites.desktop.inputs.files import text

_STYLE = """<style>body{font:18px sans-serif;margin:40px;max-width:900px}
button,input,select,textarea{font:inherit;padding:6px 12px;margin:6px 0}label{display:block}
a{font-size:20px}</style>"""


def _page(path: str, title: str, body: str, script: str = "") -> None:
    text(
        f"pages/{path}",
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>\n{_STYLE}\n'
        f"<h1>{title}</h1>\n{body}\n<script>{script}</script></html>\n",
    )


_page(
    "cookies.html",
    "Museum of clocks",
    "<p>We would like to keep two cookies.</p><button id=yes>Accept</button>"
    " <button id=no>Decline</button>",
    "yes.onclick=()=>document.title='Accepted';no.onclick=()=>document.title='Declined'",
)
_page(
    "signup.html",
    "Sign up",
    "<form id=f><label>Name <input id=who></label><label>City <input id=city></label>"
    "<label><input type=checkbox id=news> Send me news</label><button>Send</button></form>",
    "f.onsubmit=e=>{e.preventDefault();document.title="
    "`Sent ${who.value} of ${city.value} ${news.checked?'with':'without'} news`}",
)
_page(
    "ticket.html",
    "Tickets",
    "<form id=f><label>Day <select id=day><option>Monday<option>Tuesday<option>Wednesday"
    "<option>Thursday</select></label>"
    "<label><input type=radio name=k value=child> Child</label>"
    "<label><input type=radio name=k value=adult> Adult</label><button>Book</button></form>",
    "f.onsubmit=e=>{e.preventDefault();const k=f.elements.k.value||'nobody';"
    "document.title=`Booked ${day.value} for ${k}`}",
)
_page(
    "index.html",
    "Garden club",
    '<ul><li><a href="roses.html">Roses</a><li><a href="tulips.html">Tulips</a>'
    '<li><a href="herbs.html">Herbs</a></ul>',
)
for _name, _words in (
    ("roses", "Prune in March."),
    ("tulips", "Plant in October."),
    ("herbs", "Thyme likes it dry."),
):
    _page(f"{_name}.html", _name.capitalize(), f"<p>{_words}</p>")
_page(
    "catalogue.html",
    "Catalogue",
    "".join(f"<p>Item {number}: a box of {number * 7 % 90} nails.</p>" for number in range(1, 60))
    + "<button id=more>Order the whole catalogue</button>",
    "more.onclick=()=>document.title='Ordered'",
)
_page(
    "order.html",
    "Your order",
    "<p>Thank you. Your order number is <b>HK-2207-M</b>.</p>",
)
_page(
    "files.html",
    "Downloads",
    '<p><a href="data:text/csv,a,b%0A1,2%0A" download="rain.csv">Rain 2025</a></p>'
    '<p><a href="data:text/csv,a,b%0A3,4%0A" download="sun.csv">Sun 2025</a></p>',
)
