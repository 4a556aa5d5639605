// How files are answered with: server::files and server_response::file.
//
//   s.files("/static/", "public", http::file_options().cache_control("max-age=3600"));
#pragma once

#include <rondo/version.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::http {

// Every setter returns the object itself.
struct file_options {
  // What a directory is answered with; "" for none (404). "index.html".
  file_options& index(std::string name) {
    index_ = std::move(name);
    return *this;
  }
  // Whether names that begin with "." are served. False: they are as if they were not there.
  file_options& dot_files(bool yes) noexcept {
    dot_files_ = yes;
    return *this;
  }
  // Whether a directory without an index shows what is in it, as HTML. False.
  file_options& listing(bool yes) noexcept {
    listing_ = yes;
    return *this;
  }
  // Whether a file "a.js.br", "a.js.zst" or "a.js.gz" beside "a.js" is sent in its place to a
  // client that takes that coding, with Vary. Costs an open that fails for each that is not there.
  // False.
  file_options& precompressed(bool yes) noexcept {
    precompressed_ = yes;
    return *this;
  }
  // The Cache-Control field; "" for none. None.
  file_options& cache_control(std::string value) {
    cache_control_ = std::move(value);
    return *this;
  }
  // The media type of names that end in "." and `extension`, in small letters. It goes before the
  // table, which knows the usual ones; what nobody knows is application/octet-stream.
  file_options& type(std::string extension, std::string media_type) {
    types_.emplace_back(std::move(extension), std::move(media_type));
    return *this;
  }

  std::string index_ = "index.html";
  std::string cache_control_;
  std::vector<std::pair<std::string, std::string>> types_;
  bool dot_files_ = false;
  bool listing_ = false;
  bool precompressed_ = false;
};

}  // namespace rondo::http
