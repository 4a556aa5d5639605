#include <rondo/version.hpp>

#include <array>

namespace rondo {
namespace {

// "0.2.0": two digits at most for each number, and the end.
constexpr std::array<char, 9> dotted(int version) {
  std::array<char, 9> text{};
  std::size_t at = 0;
  for (const int number : {version / 10'000, version / 100 % 100, version % 100}) {
    if (at > 0) text[at++] = '.';
    if (number > 9) text[at++] = static_cast<char>('0' + number / 10);
    text[at++] = static_cast<char>('0' + number % 10);
  }
  return text;
}
constexpr std::array<char, 9> version_text = dotted(RONDO_VERSION);

}  // namespace

const char* version() noexcept { return version_text.data(); }

const char detail::headers_and_archive_are_of_one_version = 0;

}  // namespace rondo
