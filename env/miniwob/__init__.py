"""MiniWoB++ as an environment: its pages, the scripted experts, the page reader."""
