"""Every metric and getter that a task file may name, and the module each is in.

Modules are imported when a name of theirs is asked for: a task that compares
texts needs no office library, and the command line starts without any.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

_METRICS_OF = {
    "basic_os": (
        "check_gnome_favorite_apps",
        "check_moved_jpgs",
        "check_text_enlarged",
        "is_in_vm_clickboard",
        "is_utc_0",
    ),
    "browser": (
        "check_enabled_experiments",
        "check_font_size",
        "check_history_deleted",
        "is_added_to_steam_cart",
        "is_cookie_deleted",
        "is_expected_active_tab",
        "is_expected_active_tab_approximate",
        "is_expected_bookmarks",
        "is_expected_installed_extensions",
        "is_expected_search_query",
        "is_expected_tabs",
        "is_expected_url_pattern_match",
        "is_shortcut_on_desktop",
    ),
    "archives": ("compare_archive", "compare_epub", "compare_htmls", "compare_zip_files"),
    "code": (
        "check_html_background_image",
        "check_python_file_by_test_suite",
        "compare_python_pure_text",
        "compare_result_files",
    ),
    "editor": (
        "check_json_keybindings",
        "check_json_settings",
        "compare_answer",
        "compare_config",
        "compare_text_file",
        "is_extension_installed",
    ),
    "docs": (
        "check_file_exists",
        "compare_contains_image",
        "compare_docx_files",
        "compare_docx_files_and_ignore_new_lines",
        "compare_docx_images",
        "compare_docx_lines",
        "compare_docx_tables",
        "compare_image_text",
        "compare_init_lines",
        "compare_insert_equation",
        "compare_line_spacing",
        "compare_references",
        "compare_unique_train_records",
        "get_unique_train_ids",
    ),
    "docs_style": (
        "check_highlighted_words",
        "check_italic_font_size_14",
        "check_no_duplicates",
        "check_tabstops",
        "compare_font_names",
        "compare_highlighted_text",
        "compare_subscript_contains",
        "contains_page_break",
        "evaluate_alignment",
        "evaluate_colored_words_in_tables",
        "evaluate_conversion",
        "evaluate_spacing",
        "evaluate_strike_through_last_paragraph",
        "find_default_font",
        "has_page_numbers_in_footers",
        "is_first_line_centered",
    ),
    "general": (
        "check_accessibility_tree",
        "check_csv",
        "check_direct_json_object",
        "check_include_exclude",
        "check_json",
        "check_line_number",
        "check_list",
        "compare_terminal_and_txt",
        "compare_time_in_speedtest_results",
        "diff_text_file",
        "exact_match",
        "file_contains",
        "fuzzy_match",
        "fuzzy_place_math",
        "is_gold_text_included_in_pdf",
        "is_in_list",
        "is_included_all_json_objects",
        "literal_match",
        "match_in_list",
        "run_sqlite3",
    ),
    "gimp": (
        "check_config_status",
        "check_file_exists_and_structure_sim",
        "check_image_file_size",
        "check_image_size",
        "check_structure_sim",
        "check_structure_sim_resized",
        "check_structure_sim_with_threshold",
        "compare_image_list",
    ),
    "gimp_change": (
        "check_brightness_decrease_and_structure_sim",
        "check_contrast_increase_and_structure_sim",
        "check_green_background",
        "check_image_mirror",
        "check_palette_and_structure_sim",
        "check_saturation_increase_and_structure_sim",
        "check_sharper",
        "check_textbox_on_leftside",
        "check_triangle_position",
        "decrease_brightness",
        "increase_saturation",
    ),
    "libreoffice": (
        "check_auto_saving_time",
        "check_left_panel",
        "check_libre_locale",
        "check_presenter_console_disable",
    ),
    "media": (
        "check_mp3_meta",
        "compare_audios",
        "compare_images",
        "compare_videos",
    ),
    "pdf": ("check_pdf_pages", "compare_pdf_images", "compare_pdfs"),
    "slides": (
        "check_image_stretch_and_center",
        "check_page_number_colors",
        "check_slide_numbers_color",
        "check_slide_orientation_Portrait",
        "check_strikethrough",
        "check_transition",
        "evaluate_presentation_fill_to_rgb_distance",
    ),
    "slides_compare": ("compare_pptx_files",),
    "table": ("compare_conference_city_in_order", "compare_csv", "compare_table"),
    "thunderbird": (
        "check_thunderbird_filter",
        "check_thunderbird_folder",
        "check_thunderbird_prefs",
    ),
    "vlc": (
        "check_global_key_play_pause",
        "check_one_instance_when_started_from_file",
        "check_play_and_exit",
        "check_qt_bgcone",
        "check_qt_max_volume",
        "check_qt_minimal_view",
        "check_qt_slider_colours",
        "is_vlc_fullscreen",
        "is_vlc_playing",
        "is_vlc_recordings_folder",
    ),
}

_GETTERS_OF: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "files": {
        "cache_file": ("path",),
        "cloud_file": ("path", "dest"),
        "content_from_vm_file": ("path", "file_type", "file_content"),
        "list_directory": ("path",),
        "vm_file": ("path", "dest"),
        "vm_wallpaper": ("dest",),
    },
    "general": {
        "accessibility_tree": (),
        "rule": ("rules",),
        "vm_command_error": ("command",),
        "vm_command_line": ("command",),
        "vm_screen_size": (),
        "vm_terminal_output": (),
        "vm_window_size": ("app_class_name",),
    },
    "times": {"rule_relativeTime": ("rules",), "time_diff_range": ()},
    "applications": {
        "audio_in_slide": ("ppt_file_path", "slide_index", "dest"),
        "background_image_in_slide": ("ppt_file_path", "slide_index", "dest"),
        "conference_city_in_order": ("csv_path",),
        "default_video_player": (),
        "gimp_config_file": ("file_name", "dest"),
        "vlc_config": ("dest",),
        "vlc_playing_info": ("dest",),
        "vscode_config": ("vscode_extension_command", "path", "dest"),
    },
    "chrome_profile": {
        "bookmarks": (),
        "chrome_font_size": (),
        "chrome_language": (),
        "cookie_data": (),
        "data_delete_automacally": (),
        "default_search_engine": (),
        "enable_do_not_track": (),
        "enable_enhanced_safety_browsing": (),
        "enable_safe_browsing": (),
        "enabled_experiments": (),
        "find_installed_extension_name": (),
        "find_unpacked_extension_path": (),
        "history": (),
        "new_startup_page": (),
        "profile_name": (),
        "shortcuts_on_desktop": (),
    },
    "chrome_elements": {"active_tab_html_parse": ("category",)},
    "chrome_pages": {
        "active_tab_info": (),
        "active_tab_url_parse": ("parse_keys",),
        "active_url_from_accessTree": (),
        "chrome_appearance_mode_ui": (),
        "gotoRecreationPage_and_get_html_content": (),
        "info_from_website": ("url", "infos"),
        "number_of_search_results": (),
        "open_tabs_info": (),
        "page_info": ("url",),
        "pdf_from_url": ("path",),
        "url_dashPart": ("partIndex", "returnType"),
        "url_path_parse": (),
    },
    "accounts": {"googledrive_file": ("settings_file", "dest")},
}

METRICS: Mapping[str, str] = {
    name: module for module, names in _METRICS_OF.items() for name in names
}
GETTERS: Mapping[str, str] = {
    name: module for module, names in _GETTERS_OF.items() for name in names
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    name: keys for names in _GETTERS_OF.values() for name, keys in names.items()
}
"""What a getter cannot do without."""


def metric(name: str) -> Callable[..., Any]:
    """The function of that name, as OSWorld calls it: `(result[, expected], **options)`."""
    function: Callable[..., Any] = getattr(_module("metrics", METRICS[name]), name)
    return function


def getter(name: str) -> Callable[..., Any]:
    """The function of that name: `(bench, parameters)`."""
    function: Callable[..., Any] = getattr(_module("getters", GETTERS[name]), name)
    return function


def _module(kind: str, name: str) -> Any:
    return importlib.import_module(f"env.tasks.{kind}.{name}")
