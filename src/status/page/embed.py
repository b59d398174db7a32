"""Writes a C++ source that defines a string for each file of the page: embed.py OUTPUT FILE..."""
import pathlib
import sys

output, *files = map(pathlib.Path, sys.argv[1:])
lines = ['#include "status/page.hpp"', "", "namespace syncline::status {", ""]
for file in files:
    data = file.read_bytes()
    name = "page_" + (file.suffix[1:] if file.suffix != ".svg" else "icon")
    # Octal escapes have at most three digits, so no digit that follows is taken for a part of one.
    rows = ["".join(f"\\{byte:03o}" for byte in data[i:i + 24]) for i in range(0, len(data), 24)]
    literal = "\n".join(f'    "{row}"' for row in rows)
    lines += [f"const std::string_view {name}{{", f"{literal},", f"    {len(data)}}};", ""]
lines += ["}  // namespace syncline::status", ""]
output.write_text("\n".join(lines))
