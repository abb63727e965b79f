"""A GTK 3 window with one field of text, for the system's own Python; knows nothing of ours.

A line in: "clear" empties the field; "read" is answered with its text as JSON, after everything
that the toolkit had been told before.
"""

import json
import os
import sys

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk  # noqa: E402


def main() -> None:
    window = Gtk.Window(title="field")
    window.set_default_size(600, 400)
    field = Gtk.TextView()
    window.add(field)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    field.grab_focus()
    text = field.get_buffer()

    def commanded(source: object, condition: object) -> bool:
        # Not by readline: it keeps for itself what came behind the line.
        lines = os.read(0, 4096).decode().splitlines()
        for line in lines:
            if line == "read":
                found = text.get_text(*text.get_bounds(), True)
                sys.stdout.write(json.dumps([window.has_toplevel_focus(), found]) + "\n")
                sys.stdout.flush()
            else:
                text.set_text("")
        if not lines:
            Gtk.main_quit()
        return True

    # After input events, which have a higher priority.
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_LOW, GLib.IO_IN | GLib.IO_HUP, commanded)
    Gtk.main()


main()
