"""Every exposure that a trail's archive tells of: when it began, who began it, and how it ended."""
