// Page: the files of src/status/page/ as text, compiled in by page/embed.py. One page, no outside assets.
#pragma once

#include <string_view>

namespace syncline::status {

extern const std::string_view page_html, page_css, page_js, page_icon;

}  // namespace syncline::status
