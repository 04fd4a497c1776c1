"""Announcements: news for the user, from feeds on the web and from the broker itself."""
