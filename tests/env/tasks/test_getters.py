"""What is found on a real machine, where files say what applications would have written."""

import json
import sqlite3
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from env.tasks.errors import TaskRefused
from env.tasks.getters.chrome_pages import filters_of, part_of, query_of
from env.tasks.getters.times import filled
from env.tasks.judge import fetch
from env.tasks.machine import Bench
from env.tasks.task import Source

PROFILE = "/home/user/.config/google-chrome/Default"


def found(bench: Bench, kind: str, **parameters: Any) -> Any:
    return fetch(Source(kind, parameters), bench)


def put(bench: Bench, path: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    bench.machine.put_file(path, text.encode())


PREFERENCES = {
    "enable_do_not_track": True,
    "profile": {"name": "Thomas", "default_content_setting_values": {"cookies": 4}},
    "session": {"restore_on_startup": 5},
    "safebrowsing": {"enabled": False, "enhanced": True},
    "webkit": {"webprefs": {"default_font_size": 20}},
    "default_search_provider_data": {"template_url_data": {"short_name": "Microsoft Bing"}},
    "extensions": {"settings": {"a": {"path": "/x", "manifest": {"name": "Play"}}, "b": {}}},
    "browser": {"theme": {"color_scheme2": 2}},
}


@pytest.mark.parametrize(
    ("kind", "value", "without"),
    [
        ("enable_do_not_track", "true", "false"),
        ("profile_name", "Thomas", None),
        ("new_startup_page", "true", "Google"),
        ("enable_safe_browsing", "true", "false"),
        ("enable_enhanced_safety_browsing", "true", "Google"),
        ("data_delete_automacally", "true", "Google"),
        ("default_search_engine", "Microsoft Bing", "Google"),
        ("chrome_font_size", {"default_font_size": 20}, None),
        ("find_unpacked_extension_path", ["/x"], "Google"),
        ("find_installed_extension_name", ["Play"], "Google"),
        ("chrome_appearance_mode_ui", "dark", "system"),
        ("bookmarks", {"bookmark_bar": {}}, []),
        ("enabled_experiments", ["a@1"], []),
        ("chrome_language", "de", "en-US"),
    ],
)
def test_a_profile_tells_its_settings(bench: Bench, kind: str, value: Any, without: Any) -> None:
    bench.machine.run(("rm", "-rf", "/home/user/.config/google-chrome"))
    if without is not None:
        assert found(bench, kind) == without
    put(bench, f"{PROFILE}/Preferences", PREFERENCES)
    put(bench, f"{PROFILE}/Bookmarks", {"roots": {"bookmark_bar": {}}})
    state = {"browser": {"enabled_labs_experiments": ["a@1"]}, "intl": {"app_locale": "de"}}
    put(bench, "/home/user/.config/google-chrome/Local State", state)
    assert found(bench, kind) == value


@pytest.mark.parametrize(
    ("kind", "table", "row"),
    [
        ("history", "urls (url, title, last_visit_time)", ("https://a.org", "A", 1)),
        ("cookie_data", "cookies (created, host_key, name)", (1, ".a.org", "n")),
    ],
)
def test_a_profile_tells_where_it_has_been(
    bench: Bench, tmp_path: Path, kind: str, table: str, row: tuple[Any, ...]
) -> None:
    name = {"history": "History", "cookie_data": "Cookies"}[kind]
    assert found(bench, kind, dest="db.sqlite") is None
    connection = sqlite3.connect(tmp_path / "made")
    connection.execute(f"CREATE TABLE {table}")
    connection.execute(f"INSERT INTO {table.split()[0]} VALUES (?, ?, ?)", row)
    connection.commit()
    connection.close()
    bench.machine.put_file(f"{PROFILE}/{name}", (tmp_path / "made").read_bytes())
    assert found(bench, kind, dest="db.sqlite") == [row]
    bench.machine.put_file(f"{PROFILE}/{name}", b"no database")
    assert found(bench, kind, dest="db.sqlite") is None
    bench.machine.run(("rm", f"{PROFILE}/{name}"))


def test_several_files_are_fetched_and_some_handed_on(bench: Bench) -> None:
    put(bench, "/home/user/a.txt", "a")
    paths = ["/home/user/none.txt", "/home/user/a.txt", "~/a.txt"]
    given = found(
        bench, "vm_file", path=paths, dest=["0.txt", "1.txt", "2.txt"], multi=True, gives=[0, 2]
    )
    assert given == [None, str(bench.folder / "2.txt")]
    assert (bench.folder / "1.txt").read_text() == "a"


def test_a_file_may_be_called_by_the_time_it_is_fetched(bench: Bench) -> None:
    put(bench, "/home/user/a.txt", "a")
    given = found(
        bench, "vm_file", path="/home/user/a.txt", dest="b.txt", time_suffix=True, time_format="%Y"
    )
    assert given == str(bench.folder / f"b_{datetime.now().year}.txt")


def test_a_folder_is_told_as_a_tree(bench: Bench) -> None:
    put(bench, "/home/user/tree/in/a b.txt", "a")
    inner = {"type": "directory", "name": "in", "children": [{"type": "file", "name": "a b.txt"}]}
    tree = {"type": "directory", "name": "tree", "children": [inner]}
    assert found(bench, "list_directory", path="/home/user/tree") == tree


def test_the_last_row_of_a_spreadsheet_is_told_as_texts(bench: Bench) -> None:
    book, content = Workbook(), BytesIO()
    for row in (("name", "n"), ("Ann", 1), ("Bob", 2)):
        book.active.append(row)
    book.save(content)
    bench.machine.put_file("/home/user/a.xlsx", content.getvalue())
    parameters = {"path": "/home/user/a.xlsx", "file_type": "xlsx", "file_content": "last_row"}
    assert found(bench, "content_from_vm_file", **parameters) == ["Bob", "2"]
    with pytest.raises(TaskRefused):
        found(bench, "content_from_vm_file", **parameters | {"file_type": "docx"})


def test_commands_tell_what_they_say_and_how_they_fail(bench: Bench) -> None:
    command = "echo out; echo no >&2"
    assert found(bench, "vm_command_line", command=command, shell="true") == "out\n"
    assert found(bench, "vm_command_error", command=command, shell=True) == "no\n"
    assert found(bench, "vm_command_line", command=["nowhere"]) is None


def test_settings_of_applications_are_fetched(bench: Bench) -> None:
    put(bench, "/home/user/.config/vlc/vlcrc", "qt-bgcone=0\n")
    put(bench, "/home/user/.config/GIMP/2.10/gimprc", "(theme)\n")
    assert Path(found(bench, "vlc_config", dest="vlcrc")).read_text() == "qt-bgcone=0\n"
    given = found(bench, "gimp_config_file", file_name="gimprc", dest="rc")
    assert Path(given).read_text() == "(theme)\n"
    assert found(bench, "gimp_config_file", file_name="none", dest="rc") is None
    assert found(bench, "vlc_playing_info", dest="status.xml") is None


def test_shortcuts_and_the_screen_and_the_video_player(bench: Bench) -> None:
    put(bench, "/home/user/Desktop/play.desktop", "Name=Play\n")
    assert found(bench, "shortcuts_on_desktop") == {"play.desktop": "Name=Play\n"}
    assert found(bench, "vm_screen_size") == {"width": 1280, "height": 720}
    defaults = "[Default Applications]\nvideo/mp4=vlc.desktop\nvideo/x-avi=vlc.desktop\n"
    put(bench, "/home/user/.config/mimeapps.list", defaults)
    put(bench, "/home/user/.local/share/applications/vlc.desktop", "[Desktop Entry]\nExec=vlc\n")
    assert found(bench, "default_video_player") == "vlc.desktop\n"


def test_cities_are_read_from_a_table(bench: Bench) -> None:
    put(bench, "/home/user/a.csv", "a,b,city\n1,2,Rome\n3,4,Oslo\n")
    assert found(bench, "conference_city_in_order", csv_path="/home/user/a.csv") == ["Rome", "Oslo"]


R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SLIDE = (
    '<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    f' xmlns:r="{R}"><p:bg><p:bgPr><a:blip r:embed="r1"/></p:bgPr></p:bg></p:sld>'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{R}/image" Target="../media/image1.png"/>'
    f'<Relationship Id="r2" Type="{R}/audio" Target="file:///home/user/a%20b.mp3"/>'
    "</Relationships>"
)


def test_what_a_slide_refers_to_is_fetched(bench: Bench) -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as book:
        book.writestr("ppt/slides/slide1.xml", SLIDE)
        book.writestr("ppt/slides/_rels/slide1.xml.rels", RELATIONS)
        book.writestr("ppt/media/image1.png", b"picture")
    bench.machine.put_file("/home/user/a.pptx", content.getvalue())
    put(bench, "/home/user/a b.mp3", "sound")
    parameters = {"ppt_file_path": "/home/user/a.pptx", "dest": "found"}
    image = found(bench, "background_image_in_slide", slide_index=0, **parameters)
    assert Path(image).read_bytes() == b"picture"
    sound = found(bench, "audio_in_slide", slide_index="0", **parameters)
    assert Path(sound).read_bytes() == b"sound"
    assert found(bench, "background_image_in_slide", slide_index=4, **parameters) is None
    assert found(bench, "audio_in_slide", slide_index=4, **parameters) is None


WEDNESDAY = datetime(2026, 11, 25, 12)
SUNDAY = datetime(2026, 11, 29, 12)


@pytest.mark.parametrize(
    ("now", "first", "last", "dates"),
    [
        (WEDNESDAY, "next Monday", "next Friday", ("2026-11-30", "2026-12-04")),
        (WEDNESDAY, "next Friday", "next Sunday", ("2026-11-27", "2026-11-29")),
        (SUNDAY, "next Saturday", "next Sunday", ("2026-12-05", "2026-12-06")),
        (WEDNESDAY, "this Saturday", "this Sunday", ("2026-11-28", "2026-11-29")),
        (SUNDAY, "next week Friday", "next week Sunday", ("2026-12-04", "2026-12-06")),
        (WEDNESDAY, "10th next month", "11th next month", ("2026-12-10", "2026-12-11")),
        (datetime(2026, 12, 3), "tomorrow", "5th next month", ("2026-12-04", "2027-01-05")),
    ],
)
def test_words_for_days_mean_the_days_that_osworld_means(
    now: datetime, first: str, last: str, dates: tuple[str, str]
) -> None:
    pattern = "{Year}-{Month0D}-{Day0D}"
    rules = {
        "relativeTime": {"from": first, "to": last},
        "expected": {"from": pattern, "to": pattern},
    }
    assert tuple(filled(rules, now)["expected"].values()) == dates


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("first monday four months later", "Mon, Apr 5, 2027 april April 4"),
        ("first monday eight months later", "Mon, Aug 2, 2027 august August 8"),
        ("this month", "Thu, Dec 31, 2026 december December 12"),
    ],
)
def test_days_are_written_as_a_site_writes_them(words: str, day: str) -> None:
    text = "{DoW}, {Month} {DayD}, {Year} {month} {MonthFull} {MonthD}"
    rules = {"relativeTime": {"from": words}, "expected": {"time": text}}
    assert filled(rules, datetime(2026, 12, 31))["expected"]["time"] == day


def test_words_that_nobody_knows_are_refused() -> None:
    rules = {"relativeTime": {"from": "someday"}, "expected": {"time": ""}}
    with pytest.raises(TaskRefused, match="someday"):
        filled(rules, WEDNESDAY)


def test_addresses_are_taken_apart() -> None:
    url = "https://a.org/x/part-one?id=3&q=a,b"
    keys = {"parse_keys": ["id", "none"], "replace": {"id": "number"}}
    assert query_of(url, keys) == {"number": "3", "none": ""}
    assert query_of(url, {"parse_keys": ["q"], "split_list": True}) == {"q": ["a", "b"]}
    part = {"partIndex": 4, "needDeleteId": True, "returnType": "json", "key": "p"}
    assert part_of(url, part) == {"p": "part-one"}
    assert part_of(url, part | {"partIndex": 9}) is None
    shop = "https://m.com/mens-clothing/Price_discount_range,Sleeve_length/50_PERCENT_%20off%20%26%20more,Short%20Sleeve"
    chosen = filters_of(shop, {"parse_keys": ["Price_discount_range", "Men_regular_size_t"]})
    assert chosen == {
        "mens_clothing": True,
        "shirts": None,
        "short_sleeve": True,
        "Price_discount_range": "50_PERCENT_ off & more",
        "Men_regular_size_t": None,
    }
