// The command's manual page and its completion for bash, made from the same tables as its --help.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace rondo::tools {

// Source of a page of man(1), section 1, in the macros of man(7).
std::string manual_page(const CLI::App& command);

// A script for bash: `. <(rondo --completion)`, or a file in bash-completion's folder.
std::string bash_completion(const CLI::App& command);

}  // namespace rondo::tools
