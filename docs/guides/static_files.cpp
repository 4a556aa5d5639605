#include "stage.hpp"

namespace guide::static_files {

[[maybe_unused]] static void folders() {
  // begin folder
  http::server s;
  s.files("/static/", "public");
  // end folder
  // begin precompressed
  s.files("/", "dist",
          http::file_options().precompressed(true).cache_control("max-age=31536000, immutable"));
  // end precompressed
  // begin single
  s.route("GET", "/report", [](http::server_request& r) {
    return http::server_response::file(r, "/var/reports/today.pdf");
  });
  // end single
}

// begin send_upload
task<> send_upload(net::tcp_stream& to, std::string name) {
  net::root_directory uploads = co_await net::root_directory::open("/var/uploads");
  net::file f = co_await uploads.open_file(std::move(name));
  co_await net::send_file(to, f, 0, f.size());
}
// end send_upload

}  // namespace guide::static_files
