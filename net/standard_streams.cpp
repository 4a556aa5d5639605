#include <rondo/net/parts/pipe_end.hpp>
#include <rondo/net/standard_streams.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace rondo::net {

namespace {

// Opened once more it is another pipe's end, or the same terminal; anything else might be changed
// by that. (The side of a pseudo-terminal that makes them, /dev/ptmx, would be a new one.)
bool can_be_opened_again(int fd) {
  struct stat s{};
  if (::fstat(fd, &s) != 0) return false;
  if (S_ISFIFO(s.st_mode)) return true;
  return S_ISCHR(s.st_mode) && ::isatty(fd) == 1 && s.st_rdev != makedev(5, 2);
}

pipe_stream open_standard(int number) {
  detail::pipe_traits t = detail::traits_of(number);
  detail::owned_descriptor fd;
  if (can_be_opened_again(number)) {
    const int access = t.reads && t.writes ? O_RDWR : t.reads ? O_RDONLY : O_WRONLY;
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    fd = detail::owned_descriptor(::open(path.c_str(), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    t.non_blocking |= static_cast<bool>(fd);
  }
  if (!fd) fd = detail::owned_descriptor(::fcntl(number, F_DUPFD_CLOEXEC, 3));
  if (!fd) throw std::system_error(errno, std::system_category(), "a standard stream");
  return detail::pipe_access::make(std::move(fd), t);
}

}  // namespace

pipe_stream standard_input() { return open_standard(STDIN_FILENO); }
pipe_stream standard_output() { return open_standard(STDOUT_FILENO); }
pipe_stream standard_error() { return open_standard(STDERR_FILENO); }

task<std::optional<std::string>> line_prompt::ask(std::string question) {
  if (!question.empty()) co_await out_.write_all(bytes_of(question));
  try {
    co_return std::string(co_await reader_.read_line(longest_));
  } catch (const unexpected_end&) {
    co_return std::nullopt;
  }
}

}  // namespace rondo::net
