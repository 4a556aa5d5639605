// Rondo's log in spdlog: what the library has to say goes where the program's own lines go. Built
// where spdlog is installed (libspdlog-dev).
#include <rondo/runtime.hpp>

#include <spdlog/spdlog.h>

#include <chrono>
#include <stdexcept>
#include <string>

// begin adapter
spdlog::level::level_enum level_of(rondo::log_level l) {
  switch (l) {
    case rondo::log_level::debug: return spdlog::level::debug;
    case rondo::log_level::info: return spdlog::level::info;
    case rondo::log_level::warning: return spdlog::level::warn;
    case rondo::log_level::error: return spdlog::level::err;
  }
  return spdlog::level::off;
}

void log_with_spdlog(const rondo::log_record& r) {
  std::string line(r.sentence);
  for (const rondo::log_field& f : r.fields)
    line.append("  ").append(f.name).append("=").append(f.value);
  spdlog::log(level_of(r.level), "[{}] {}", r.component, line);
}
// end adapter

rondo::task<> demo() {
  rondo::this_loop().post([] { throw std::runtime_error("nobody awaits this"); });
  co_await rondo::sleep_for(std::chrono::milliseconds(1));
}

int main() {
  spdlog::set_level(spdlog::level::debug);
  rondo::set_log_sink(log_with_spdlog, rondo::log_level::debug);
  return rondo::run_main(demo());
}
