#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/testing/accounts.hpp>
#include <rondo/testing/failure.hpp>
#include <rondo/testing/parts/allocation_count.hpp>

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

namespace rondo::test {

namespace detail {
constinit std::atomic<std::int64_t> allocations_alive{0};
constinit std::atomic<bool> allocations_are_counted{false};
}  // namespace detail

namespace {

struct folder_closer {
  void operator()(DIR* d) const noexcept { ::closedir(d); }
};

// The numbers of what is open, without the one by which they are listed.
std::vector<std::string> open_descriptors() {
  const std::unique_ptr<DIR, folder_closer> folder(::opendir("/proc/self/fd"));
  if (!folder)
    throw std::system_error(errno, std::system_category(), "test::accounts: /proc/self/fd");
  std::vector<std::string> numbers;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && name != std::to_string(::dirfd(folder.get())))
      numbers.emplace_back(name);
  }
  return numbers;
}

// "7 (socket:[4711])"
std::string with_its_name(const std::string& number) {
  std::array<char, 200> target{};
  const std::string path = "/proc/self/fd/" + number;
  const auto n = ::readlink(path.c_str(), target.data(), target.size());
  return n > 0 ? number + " (" + std::string(target.data(), static_cast<std::size_t>(n)) + ')'
               : number;
}

std::string was_and_is(const std::string& what, std::int64_t was, std::int64_t is) {
  return what + ": " + std::to_string(was) + " before, " + std::to_string(is) + " now";
}

}  // namespace

accounts accounts::now() {
  accounts a;
  a.frames = rondo::detail::frames_alive();
  a.descriptors = open_descriptors().size();
  if (detail::allocations_are_counted.load(std::memory_order_relaxed))
    a.allocations = detail::allocations_alive.load(std::memory_order_relaxed);
  return a;
}

std::string accounts::changes() const {
  const accounts is = now();
  std::string text;
  if (is.frames != frames) text = was_and_is("coroutine frames alive", frames, is.frames);
  if (is.descriptors != descriptors) {
    if (!text.empty()) text += '\n';
    text += was_and_is("descriptors open", static_cast<std::int64_t>(descriptors),
                       static_cast<std::int64_t>(is.descriptors));
    for (const char* between = ": "; const std::string& number : open_descriptors()) {
      text += between + with_its_name(number);
      between = ", ";
    }
  }
  return text;
}

void accounts::expect_unchanged(const std::string& when) const {
  if (const std::string text = changes(); !text.empty()) throw failure(when + ": " + text);
}

}  // namespace rondo::test
