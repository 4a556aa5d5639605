#include <rondo/testing/failure.hpp>
#include <rondo/testing/parts/crash_note.hpp>
#include <rondo/testing/parts/seed_runner.hpp>

#include <charconv>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rondo::test::detail {
namespace {

// As a shell reads it.
std::string quoted(std::string_view word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
    return std::string(word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// The command line of this program (proc(5)).
std::string command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string words{std::istreambuf_iterator<char>(file), {}};
  std::string text;
  for (std::string_view rest = words; !rest.empty();) {
    const std::size_t end = rest.find('\0');
    text += ' ' + quoted(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return text;
}

std::optional<std::uint64_t> chosen_seed() {
  const char* const text = std::getenv("RONDO_TEST_SEED");
  if (!text) return std::nullopt;
  const std::string_view digits = text;
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw std::invalid_argument("RONDO_TEST_SEED=" + std::string(digits) + " is no number");
  return seed;
}

void run_seed(std::uint64_t seed, const call<std::uint64_t>& once) {
  const std::string name = "seed " + std::to_string(seed);
  const std::string again = " (again: RONDO_TEST_SEED=" + std::to_string(seed) + command() + ')';
  const crash_note note(name + again);
  try {
    once(seed);
  } catch (const std::exception& e) {
    throw failure(name + ": " + e.what() + again);
  }
}

}  // namespace

void run_seeds(std::uint64_t from, std::uint64_t to, call<std::uint64_t> once) {
  if (const auto one = chosen_seed()) {
    run_seed(*one, once);
    return;
  }
  for (std::uint64_t seed = from; seed < to; ++seed) run_seed(seed, once);
}

}  // namespace rondo::test::detail
