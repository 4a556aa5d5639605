#!/usr/bin/env python3
"""Draws the picture of `rondo serve`'s /image, a loop with three tasks on it, and writes httpbin_images.cpp beside
itself: as SVG, and from the same numbers as PNG, JPEG and WebP. Needs Pillow (python3-pil).
"""

import base64
import io
import math
import pathlib
import textwrap

from PIL import Image, ImageDraw

SIZE, FINER = 64, 8
GROUND, LOOP = "#1d3557", "#f1faee"
CENTRE, RADIUS, WIDTH = 32, 20, 5
FROM, TO = 35, 325  # of the loop, in degrees, clockwise from three o'clock
ARROW = 8
TASKS = {90: "#e63946", 180: "#a8dadc", 270: "#ffb703"}
TASK_RADIUS = 6


def at(degrees: float, radius: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    return CENTRE + radius * math.cos(angle), CENTRE + radius * math.sin(angle)


def arrow() -> list[tuple[float, float]]:
    """At the end of the loop, the way it goes."""
    return [at(TO, RADIUS - ARROW), at(TO, RADIUS + ARROW), at(TO + 32, RADIUS)]


def as_svg() -> str:
    (x0, y0), (x1, y1) = at(FROM, RADIUS), at(TO, RADIUS)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in arrow())
    tasks = "".join(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{TASK_RADIUS}" fill="{colour}"/>\n'
                    for (x, y), colour in ((at(a, RADIUS), c) for a, c in TASKS.items()))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE}" height="{SIZE}">\n'
            f'<rect width="{SIZE}" height="{SIZE}" fill="{GROUND}"/>\n'
            f'<path d="M{x0:.1f} {y0:.1f}A{RADIUS} {RADIUS} 0 1 1 {x1:.1f} {y1:.1f}" fill="none" stroke="{LOOP}" '
            f'stroke-width="{WIDTH}"/>\n'
            f'<polygon points="{points}" fill="{LOOP}"/>\n{tasks}</svg>\n')


def as_pixels() -> Image.Image:
    picture = Image.new("RGB", (SIZE * FINER, SIZE * FINER), GROUND)
    draw = ImageDraw.Draw(picture)

    def box(x: float, y: float, r: float) -> list[float]:
        return [(x - r) * FINER, (y - r) * FINER, (x + r) * FINER, (y + r) * FINER]

    draw.arc(box(CENTRE, CENTRE, RADIUS + WIDTH / 2), FROM, TO, LOOP, WIDTH * FINER)
    draw.polygon([(x * FINER, y * FINER) for x, y in arrow()], LOOP)
    for angle, colour in TASKS.items():
        draw.ellipse(box(*at(angle, RADIUS), TASK_RADIUS), colour)
    return picture.resize((SIZE, SIZE), Image.LANCZOS)


def encoded(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "png":
        picture.quantize(32).save(out, "png", optimize=True)
    elif kind == "jpeg":
        picture.save(out, "jpeg", quality=70, optimize=True)
    else:
        picture.save(out, "webp", quality=60, method=6)
    return out.getvalue()


def in_base64(name: str, data: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(data).decode(), 92)
    return (f"// {len(data)} bytes.\nconstexpr std::string_view {name} =\n"
            + "\n".join(f'    "{line}"' for line in lines) + ";\n")


def main() -> None:
    picture = as_pixels()
    parts = [in_base64(kind, encoded(picture, kind)) for kind in ("png", "jpeg", "webp")]
    (pathlib.Path(__file__).with_suffix(".cpp")).write_text(
        "// Written by httpbin_images.py, which draws them.\n"
        '#include "httpbin_images.hpp"\n\n#include <rondo/http/parts/base64.hpp>\n\n'
        "namespace rondo::tools {\nnamespace {\n\n"
        f'constexpr std::string_view svg = R"({as_svg()})";\n\n'
        + "\n".join(parts) +
        "\n}  // namespace\n\n"
        "std::string image_of_type(std::string_view type) {\n"
        '  if (type == "image/svg+xml") return std::string(svg);\n'
        '  const std::string_view text = type == "image/png" ? png : type == "image/webp" ? webp : jpeg;\n'
        "  return http::detail::from_base64(text).value();\n"
        "}\n\n}  // namespace rondo::tools\n", encoding="utf-8")


if __name__ == "__main__":
    main()
