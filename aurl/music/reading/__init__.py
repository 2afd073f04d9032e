"""Bytes of music files to `aurl.music.score.FullScore`."""
