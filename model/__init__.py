"""Kimi-VL as plain torch. Knows no desktop and no agent."""
