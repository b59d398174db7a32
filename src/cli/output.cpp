#include "cli/output.hpp"

namespace syncline::cli {

std::unique_ptr<Output> make_text_output(Console& console, OutputOptions options);
std::unique_ptr<Output> make_json_output(Console& console, OutputOptions options);

std::unique_ptr<Output> make_output(Console& console, OutputOptions options) {
    return options.json ? make_json_output(console, options) : make_text_output(console, options);
}

}  // namespace syncline::cli
