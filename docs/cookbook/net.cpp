#include "stage.hpp"

#include <csignal>

// begin lines
task<> answer_lines(net::tcp_stream s) {
  net::buffered_reader in(s);
  try {
    for (;;) {
      const std::string line(co_await in.read_line(1000));  // limit_exceeded beyond
      co_await s.write_all(net::bytes_of(line + ", indeed\n"));
    }
  } catch (const net::unexpected_end&) {
    // the client has said all
  }
}

task<> lines(net::tcp_listener at) {
  co_await net::serve(std::move(at), answer_lines, net::serve_options().max_connections(1000));
}
// end lines

// begin secured
task<> secured(net::tls_context server, net::tls_context client) {
  auto listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  const net::endpoint at = listener.local_endpoint();
  const auto greets = [&]() -> task<> {
    auto s = co_await net::tls_stream<net::tcp_stream>::accept(co_await listener.accept(), server);
    co_await s.write_all(net::bytes_of("hello, and nobody else hears it\n"));
    co_await s.shutdown_write();
  };
  const auto reads = [&]() -> task<> {
    auto s = co_await net::tls_stream<net::tcp_stream>::connect(
        co_await net::tcp_stream::connect(at), client, "127.0.0.1");  // whom it must be
    net::buffered_reader in(s);
    std::printf("%s\n", std::string(co_await in.read_line(100)).c_str());
  };
  co_await gather(greets(), reads());
}
// end secured

// begin datagrams
task<> datagrams() {
  auto a = net::udp_socket::bind(net::endpoint::parse("127.0.0.1:0"));
  auto b = net::udp_socket::bind(net::endpoint::parse("127.0.0.1:0"));
  co_await a.send_to(net::bytes_of("ping"), b.local_endpoint());
  std::vector<std::byte> buffer(1500);
  const net::received got = co_await b.recv_from(buffer);
  std::printf("%zu bytes, from a: %s\n", got.size,
              got.from.to_string() == a.local_endpoint().to_string() ? "yes" : "no");
}
// end datagrams

// begin copy_a_file
task<> copy_a_file(std::string from, std::string to) {
  net::file in = co_await net::file::open(from);
  net::file out = co_await net::file::open(to, net::file_mode::create_new);
  std::vector<std::byte> buffer(64 * 1024);
  std::uint64_t at = 0;
  while (const std::size_t n = co_await in.read_at(at, buffer)) {
    co_await out.write_at(at, std::span(buffer).first(n));
    at += n;
  }
  co_await out.sync();  // on the device, before anybody is told that it is there
  std::printf("%s\n", (co_await net::read_file(to)).c_str());
}
// end copy_a_file

// begin largest_file
task<> largest_file(std::string folder) {
  std::pair<std::uint64_t, std::string> largest;
  auto entries = net::walk_directory(folder);
  while (const auto e = co_await entries.next()) {
    if (e->kind != net::entry_kind::file) continue;
    const net::file f = co_await net::file::open(e->path);
    largest = std::max(largest, {f.size(), e->name});
  }
  std::printf("%s: %d bytes\n", largest.second.c_str(), static_cast<int>(largest.first));
}
// end largest_file

// begin run_a_program
task<> run_a_program() {
  const auto r = co_await net::run_process({"sort", "-n"},
                                           net::process_options().input("10\n9\n").timeout(5s));
  r.raise_for_status();  // throws: the program, how it ended, its last words
  std::printf("%s", r.output.c_str());
  const auto failed = co_await net::run_process({"sh", "-c", "exit 3"});
  std::printf("%s\n", failed.status.to_string().c_str());
}
// end run_a_program

// begin talk_to_a_program
task<> talk_to_a_program() {
  net::process p = net::process::start({"cat"});
  net::buffered_reader out(p.output());
  for (const char* line : {"one\n", "two\n"}) {
    co_await p.input().write_all(net::bytes_of(line));
    std::printf("%s\n", std::string(co_await out.read_line(100)).c_str());
  }
  std::printf("%s\n", (co_await p.stop()).to_string().c_str());  // SIGTERM, then SIGKILL
}
// end talk_to_a_program

namespace {

task<> say_lines() {
  auto at = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
  const net::endpoint here = at.local_endpoint();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return lines(std::move(at)); });
    auto s = co_await net::tcp_stream::connect(here);
    co_await s.write_all(net::bytes_of("it rains\nit is late\n"));
    net::buffered_reader in(s);
    for (int n = 0; n < 2; ++n)
      std::printf("%s\n", std::string(co_await in.read_line(100)).c_str());
    g.cancel();
  });
}

task<> with_certificates() {
  if (!features().tls) throw cookbook::skipped("built without TLS");
  const auto folder = co_await net::temporary_folder::make();
  const std::string key = folder.path() + "/key.pem";
  const std::string certificate = folder.path() + "/certificate.pem";
  std::vector<std::string> command = {
      "openssl", "req",   "-x509",        "-newkey",  "ed25519",
      "-nodes",  "-subj", "/CN=cookbook", "-addext",  "subjectAltName=IP:127.0.0.1",
      "-keyout", key,     "-out",         certificate};
  auto made = co_await as_result(net::run_process(std::move(command)));
  if (made.code() == std::errc::no_such_file_or_directory)
    throw cookbook::skipped("the openssl command is not installed");
  made.value().raise_for_status();
  co_await secured(
      net::tls_context::server(net::tls_server_options().certificate_file(certificate, key)),
      net::tls_context::client(net::tls_client_options().ca_file(certificate)));
}

task<> put(std::string path, std::string_view text) {
  net::file f = co_await net::file::open(std::move(path), net::file_mode::create_new);
  co_await f.write_at(0, net::bytes_of(text));
}
task<> file_copied() {
  const auto folder = co_await net::temporary_folder::make();
  co_await put(folder.path() + "/a", "what stood in a");
  co_await copy_a_file(folder.path() + "/a", folder.path() + "/b");
}
task<> folder_walked() {
  const auto folder = co_await net::temporary_folder::make();
  co_await put(folder.path() + "/small", "1");
  co_await put(folder.path() + "/large", "12345");
  co_await largest_file(folder.path());
}

const cookbook::recipe r60("lines", say_lines);
const cookbook::recipe r61("secured", with_certificates, cookbook::place::system);
const cookbook::recipe r62("datagrams", datagrams);
const cookbook::recipe r63("copy_a_file", file_copied, cookbook::place::system);
const cookbook::recipe r64("largest_file", folder_walked, cookbook::place::system);
const cookbook::recipe r65("run_a_program", run_a_program, cookbook::place::system);
const cookbook::recipe r66("talk_to_a_program", talk_to_a_program, cookbook::place::system);

}  // namespace
