"""Music as note arrays: MIDI files in and out, tokens, pictures, sound. No torch."""
