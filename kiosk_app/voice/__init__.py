"""What the kiosk says and sounds: spoken guidance, tones, and the headphone jack that may turn speech on.

    speech   what is said now, and how loud; in its own thread
    espeak   sentences as sound files, by Debian's espeak-ng
    tones    short sounds that need no words
    player   sound files out of SDL, on Kivy's thread
    jack     the headphone jack, a Linux input device

Imports of the sound device happen when the first sound is played, so that all of this loads without Kivy.
"""
