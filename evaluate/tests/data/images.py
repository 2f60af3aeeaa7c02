#!/usr/bin/env python3
"""Writes the JPEG files and images.npz beside it: what PIL decodes them to, channels first.

    pip install numpy==2.4.6 pillow==13.0.0
    python3 images.py
"""
import numpy as np
from PIL import Image

y, x = np.mgrid[:16, :24]
colour = np.stack([8 * x + 20, 10 * y + 40, 255 - 5 * (x + y)], axis=2).astype(np.uint8)
image = Image.fromarray(colour)
image.save("colour.jpg", quality=90)
image.save("progressive.jpg", quality=90, progressive=True, subsampling=0)
image.convert("L").save("grey.jpg", quality=90)
image.convert("CMYK").save("cmyk.jpg", quality=90)
# Orientation 6: to be shown turned by a quarter.
exif = Image.Exif()
exif[0x0112] = 6
image.save("turned.jpg", quality=90, exif=exif)

decoded = {}
for name in ["colour", "progressive", "grey", "turned"]:
    pixels = np.asarray(Image.open(f"{name}.jpg"))
    decoded[name] = pixels.reshape(16, 24, -1).transpose(2, 0, 1)
np.savez_compressed("images.npz", **decoded)
