// Says hello at /hello.
#include <httplib.h>

int main() {
  httplib::Server s;
  s.Get("/hello", [](const httplib::Request&, httplib::Response& r) {
    r.set_content("hello\n", "text/plain");
  });
  return s.listen("127.0.0.1", 8080) ? 0 : 1;
}
