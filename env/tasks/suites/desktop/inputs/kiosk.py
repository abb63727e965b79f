"""Pages for a touch screen that stands upright: one thing to press, in large type.

The easiest of the suite. Chromium without its frame shows a page of 160x210 in letters five times
their size, the picture that small agents learn on. What is done on one shows in its title.
"""

from env.tasks.suites.desktop.inputs.files import text

_STYLE = """<style>body{margin:0;font:10px Arial,sans-serif;background:#fff}
header{height:42px;padding:4px;background:#ddd}main{padding:4px;line-height:16px}
button{font:11px Arial,sans-serif;margin:4px}a{color:#00e;text-decoration:underline}
.box{width:24px;height:24px;margin:12px;display:inline-block}
dialog{display:block;position:absolute;left:20px;top:80px;width:110px;height:80px;margin:0;
padding:0;border:1px solid #888}dialog b{display:block;background:#ddd;padding:2px}
dialog button{float:right;width:16px;height:14px;margin:0;padding:0;line-height:10px}</style>"""
_SCRIPT = """document.querySelectorAll('[data-said]').forEach(each=>each.onclick=()=>{
document.title=each.dataset.said;document.querySelector('main').textContent='Thank you.'})"""


def _page(path: str, title: str, body: str) -> None:
    text(
        f"kiosk/{path}",
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>\n{_STYLE}\n'
        f"<header>{title}</header><main>{body}</main>\n<script>{_SCRIPT}</script></html>\n",
    )


_page("welcome.html", "Welcome", "<button data-said='Pressed Ok'>Ok</button>")
_page(
    "receipt.html",
    "A receipt?",
    "<button data-said='Pressed No'>No</button><br><button data-said='Pressed Yes'>Yes</button>",
)
_page(
    "flowers.html",
    "Flowers",
    "<a data-said='Chose roses'>roses</a>, <a data-said='Chose herbs'>herbs</a>"
    " and <a data-said='Chose tulips'>tulips</a> bloom",
)
_page(
    "news.html",
    "News",
    "<dialog open><b>Hello<button data-said='Closed it'>x</button></b>We close at six.</dialog>",
)
_page(
    "colours.html",
    "Colours",
    "<div class=box style='background:blue' data-said='Chose blue'></div>"
    "<div class=box style='background:red' role=button aria-label=red data-said='Chose red'></div>",
)
