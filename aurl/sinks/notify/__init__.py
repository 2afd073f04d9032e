"""Tells people how a run goes: by a bell, on the desktop, by e-mail, by a webhook."""
