#include <rondo/net/parts/open_file.hpp>
#include <rondo/runtime/io_errors.hpp>
#include <rondo/runtime/loop.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace rondo::net::detail {

fresh_file::~fresh_file() {
  if (fd_ >= 0) rondo::detail::close_unattached(fd_);
}

int fresh_file::look() noexcept {
  struct stat s{};
  if (::fstat(fd_, &s) != 0) return -errno;
  status_ = to_status(s);
  // Pipes and terminals have no offsets, and may have nothing to read for a long time.
  flows_ = S_ISFIFO(s.st_mode) ||
           (S_ISCHR(s.st_mode) && ::lseek(fd_, 0, SEEK_CUR) < 0 && errno == ESPIPE);
  return 0;
}

file_status to_status(const struct stat& s) noexcept {
  using type = file_status::type;
  return {
      .what = S_ISREG(s.st_mode)   ? type::regular
              : S_ISDIR(s.st_mode) ? type::directory
                                   : type::other,
      .permissions = s.st_mode & 07777,
      .size = static_cast<std::uint64_t>(s.st_size),
      .device = s.st_dev,
      .inode = s.st_ino,
      .modified = std::chrono::sys_time<std::chrono::nanoseconds>(
          std::chrono::seconds(s.st_mtim.tv_sec) + std::chrono::nanoseconds(s.st_mtim.tv_nsec))};
}

open_file::open_file(fresh_file&& f)
    : path(f.take_path()), status(f.status()), flows(f.flows()), fd(f.release()) {
  if (flows && !rondo::detail::this_core().simulated())
    attached = socket(fd, rondo::detail::transfers::may_stop_short);
}

void open_file::close() noexcept {
  closed = true;
  if (attached.is_open() && sends == 0) {
    attached.close();
    fd = -1;
  }
  let_go();
}

void open_file::let_go() noexcept {
  if (!closed || fd < 0 || used[0] || used[1] || sends > 0) return;
  if (attached.is_open())
    attached.close();
  else
    rondo::detail::close_unattached(fd);
  fd = -1;
}

void open_file::attach() {
  // O_NONBLOCK was for open alone: io_uring would take it for a wish not to wait for the device.
  if (::fcntl(fd, F_SETFL, 0) != 0) fail(-errno, "open ");
  attached = socket(fd, rondo::detail::transfers::may_stop_short);
}

void open_file::fail(std::int32_t result, const char* what) const {
  rondo::detail::throw_io_error(result, (what + path).c_str());
}

void want_open(const std::shared_ptr<open_file>& f, const char* what) {
  if (!f) rondo::detail::throw_io_error(rondo::detail::result_closed, what);
}

}  // namespace rondo::net::detail
