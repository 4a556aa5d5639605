// Prints what stands at a path of a host: of http, or of https.
#include <httplib.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  httplib::Client client(argv[1]);
  const auto r = client.Get(argv[2]);
  if (!r) return 1;
  std::fwrite(r->body.data(), 1, r->body.size(), stdout);
}
