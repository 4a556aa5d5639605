// What gdb prints of the library's values: gdb_test.py stops in look_at().
#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace {

struct values {
  rondo::outcome<int> seven{std::in_place, 7};
  rondo::outcome<int> nothing;
  rondo::outcome<int> failed{std::make_exception_ptr(std::runtime_error("no"))};
  rondo::http::url url = rondo::http::url::parse("https://example.org:8443/a?b");
  rondo::net::endpoint v4 = rondo::net::endpoint::parse("127.0.0.1:80");
  rondo::net::endpoint v6 = rondo::net::endpoint::parse("[::1]:443");
  rondo::net::endpoint local = rondo::net::endpoint::parse("unix:/run/app.sock");
  rondo::http::headers fields;
};

[[gnu::noinline]] void look_at(const values& v) { std::printf("%zu\n", v.fields.size()); }

}  // namespace

int main() {
  values v;
  v.fields.add("Host", "example.org");
  v.fields.add("Accept", "*/*");
  look_at(v);
}
