// Requests answered with files. Internal.
#pragma once

#include <rondo/http/file_options.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/net/file.hpp>
#include <rondo/net/root_directory.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http::detail {

// What a request's path names below a prefix of so many segments.
struct named_file {
  // Decoded, and safe to be opened in a directory: no segment is empty, "." or "..", or holds "/"
  // or NUL. Empty: the folder itself.
  std::string path;
  bool is_folder = false;  // it ends with "/"
  bool good = false;       // false: it can name no file
};
[[nodiscard]] named_file read_file_name(std::string_view path, std::size_t prefix_segments,
                                        bool dot_files);

// The codings, best first, that a request takes (RFC 9110, section 12.5.3) of those that files are
// kept in.
struct file_coding {
  std::string_view name;    // "br"
  std::string_view suffix;  // ".br"
};
[[nodiscard]] std::vector<file_coding> accepted_file_codings(const headers& request);

// The answer to a GET or HEAD for an open file. `name` says its media type; `coding` is its
// Content-Encoding, or empty.
task<server_response> answer_with_file(const server_request& request, net::file f,
                                       const file_options& options, std::string_view name,
                                       std::string_view coding);

// The handler of server::files.
class static_files {
 public:
  static_files(std::string_view prefix, net::root_directory folder, file_options options);
  task<server_response> operator()(server_request& request);

 private:
  task<server_response> answer(server_request& request, named_file name);
  task<server_response> list(server_request& request, named_file name);

  net::root_directory folder_;
  file_options options_;
  std::size_t prefix_segments_;
};

// What a client is told when a file cannot be opened.
[[nodiscard]] server_response cannot_open(std::error_code why);

}  // namespace rondo::http::detail
