import ast
from pathlib import Path

from env.tasks.registry import GETTERS, METRICS, REQUIRED

USED_METRICS = """
compare_table compare_pptx_files check_include_exclude check_direct_json_object exact_match
compare_docx_files is_expected_url_pattern_match compare_pdfs compare_images check_list
check_json_settings compare_text_file is_extension_installed is_expected_tabs
is_expected_active_tab check_config_status compare_csv compare_docx_tables
check_thunderbird_prefs is_expected_bookmarks check_structure_sim compare_audios compare_archive
compare_config check_json check_accessibility_tree is_in_list match_in_list
check_brightness_decrease_and_structure_sim check_image_size compare_line_spacing
compare_docx_images file_contains check_python_file_by_test_suite compare_image_list
diff_text_file check_thunderbird_folder check_thunderbird_filter is_vlc_playing
check_json_keybindings is_expected_active_tab_approximate is_added_to_steam_cart
is_shortcut_on_desktop check_history_deleted is_cookie_deleted check_font_size
check_palette_and_structure_sim check_saturation_increase_and_structure_sim check_image_mirror
check_green_background check_file_exists_and_structure_sim check_structure_sim_resized
check_textbox_on_leftside check_triangle_position check_contrast_increase_and_structure_sim
check_pdf_pages check_presenter_console_disable check_transition check_auto_saving_time
evaluate_presentation_fill_to_rgb_distance check_image_stretch_and_center
check_page_number_colors check_slide_orientation_Portrait check_left_panel check_tabstops
compare_subscript_contains has_page_numbers_in_footers compare_font_names is_first_line_centered
check_highlighted_words compare_unique_train_records evaluate_strike_through_last_paragraph
evaluate_colored_words_in_tables check_italic_font_size_14 contains_page_break find_default_font
compare_image_text check_line_number compare_references check_image_file_size check_mp3_meta
compare_epub literal_match compare_docx_files_and_ignore_new_lines
compare_conference_city_in_order is_in_vm_clickboard compare_result_files fuzzy_place_math
is_expected_installed_extensions compare_zip_files compare_pdf_images compare_python_pure_text
compare_htmls check_structure_sim_with_threshold is_expected_search_query check_moved_jpgs
is_utc_0 check_gnome_favorite_apps run_sqlite3 check_csv check_qt_bgcone
check_global_key_play_pause check_play_and_exit is_vlc_recordings_folder is_vlc_fullscreen
check_qt_max_volume check_qt_minimal_view compare_videos check_qt_slider_colours
check_one_instance_when_started_from_file
"""
"""Of the 369 task files; "infeasible", which is no function, not among them."""

USED_GETTERS = """
vm_file cloud_file rule vm_command_line active_url_from_accessTree rule_relativeTime
active_tab_html_parse cache_file vlc_config googledrive_file active_tab_url_parse
active_tab_info open_tabs_info gimp_config_file accessibility_tree bookmarks
find_unpacked_extension_path audio_in_slide vscode_config vm_wallpaper vm_terminal_output
vlc_playing_info enable_do_not_track page_info url_path_parse profile_name new_startup_page
shortcuts_on_desktop url_dashPart history cookie_data chrome_appearance_mode_ui
enable_safe_browsing data_delete_automacally chrome_font_size default_search_engine
background_image_in_slide content_from_vm_file vm_command_error find_installed_extension_name
default_video_player list_directory vm_screen_size gotoRecreationPage_and_get_html_content
pdf_from_url info_from_website vm_window_size
"""


def test_every_name_of_the_369_files_is_known() -> None:
    metrics, getters = set(USED_METRICS.split()), set(USED_GETTERS.split())
    assert (len(metrics), len(getters)) == (110, 47)
    assert metrics <= METRICS.keys()
    assert getters <= GETTERS.keys() == REQUIRED.keys()


NO_SCORE = {"compare_image_text", "get_unique_train_ids"}
"""One needs what is not here, the other gives no score."""

OTHERWISE = {
    "check_python_file_by_test_suite",
    "check_slide_numbers_color",
    "check_triangle_position",
    "compare_insert_equation",
    "compare_time_in_speedtest_results",
}
"""Tested by a test of their own; not by a table alone."""


def test_every_metric_is_tested_by_what_passes_and_by_what_fails() -> None:
    """The tables of cases end with scores."""
    passed, failed = set(), set()
    for path in Path(__file__).with_name("metrics").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Tuple(elts=[ast.Constant(value=str(name)), *_, last]) if name in METRICS:
                    score = ast.unparse(last)
                    failed |= {name} if score == "0.0" else set()
                    passed |= {name} if score != "0.0" else set()
    assert METRICS.keys() - NO_SCORE - OTHERWISE <= passed & failed
