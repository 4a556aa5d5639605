#include <rondo/testing/parts/crash_note.hpp>

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <string_view>
#include <utility>

namespace rondo::test::detail {
namespace {

constexpr std::array crashes{
    std::pair{SIGSEGV, std::string_view("SIGSEGV")}, std::pair{SIGBUS, std::string_view("SIGBUS")},
    std::pair{SIGILL, std::string_view("SIGILL")}, std::pair{SIGFPE, std::string_view("SIGFPE")},
    std::pair{SIGABRT, std::string_view("SIGABRT")}};

const crash_note* latest = nullptr;
std::array<struct sigaction, crashes.size()> before;  // what the signals did

// Only what signal-safety(7) allows is used from here.
void say(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void give_back() noexcept {
  for (std::size_t i = 0; i < crashes.size(); ++i)
    ::sigaction(crashes[i].first, &before[i], nullptr);
}

// Returns to what crashed, which crashes again; a signal that was sent is sent again.
void on_crash(int signal, siginfo_t* info, void* /*context*/) {
  give_back();
  say("\nrondo::test: ");
  for (const auto& [number, name] : crashes)
    if (number == signal) say(name);
  say_notes(latest);
  say(signal == SIGSEGV ? " (a frame that has gone is filled with 0xdb)\n" : "\n");
  if (info->si_code <= 0) ::raise(signal);
}

}  // namespace

void say_notes(const crash_note* last) noexcept {
  if (!last) return;
  say_notes(last->outer_);
  say(", ");
  say(last->doing_);
}

crash_note::crash_note(std::string doing) : doing_(std::move(doing)), outer_(latest) {
  latest = this;
  if (outer_) return;
  struct sigaction action{};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = on_crash;
  for (std::size_t i = 0; i < crashes.size(); ++i)
    ::sigaction(crashes[i].first, &action, &before[i]);
}

crash_note::~crash_note() {
  latest = outer_;
  if (!outer_) give_back();
}

}  // namespace rondo::test::detail
