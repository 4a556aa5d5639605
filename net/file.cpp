#include <rondo/net/file.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace rondo::net {

using rondo::detail::direction;
using rondo::detail::operation_kind;

namespace {

// A descriptor on its way from the thread that opened it.
class fresh_descriptor {
 public:
  explicit fresh_descriptor(int fd) noexcept : fd_(fd) {}
  fresh_descriptor(fresh_descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  fresh_descriptor& operator=(fresh_descriptor&&) = delete;
  ~fresh_descriptor() {
    if (fd_ >= 0) rondo::detail::close_unattached(fd_);
  }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace

namespace detail {

// Shared by the file and by what runs on it, so that a thread never works on a number that is another's.
struct open_file {
  explicit open_file(fresh_descriptor&& number) : fd(number.release()) {
    if (this_loop().io().serves_files())
      ring = socket(fd, rondo::detail::transfers::may_stop_short);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (!ring.is_open() && !closed) rondo::detail::close_unattached(fd);
  }
  // What the ring has in flight ends now; a thread keeps the descriptor until it is done.
  void close() noexcept {
    if (!ring.is_open()) return;
    ring.close();
    closed = true;
  }

  int fd;
  socket ring;  // open only where the reactor serves files
  bool closed = false;
  std::array<bool, 2> used{};  // by a thread, by direction
};

}  // namespace detail

namespace {

int flags_of(file_mode mode) noexcept {
  switch (mode) {
    case file_mode::read_only: return O_RDONLY;
    case file_mode::read_write: return O_RDWR | O_CREAT;
    case file_mode::create_new: return O_RDWR | O_CREAT | O_EXCL;
    case file_mode::truncate: return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

fresh_descriptor open_here(const std::string& path, int flags, mode_t permissions) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, permissions);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "open " + path);
  return fresh_descriptor(fd);
}

class [[nodiscard("without co_await nothing happens")]] file_wait final
    : public rondo::detail::io_wait {
 public:
  file_wait(operation_kind k, direction w, const detail::open_file& f, const void* bytes,
            std::size_t n, std::uint64_t at, std::uint32_t how) noexcept
      : io_wait(k, w, f.ring.get()) {
    flags = how;
    data = const_cast<void*>(bytes);
    size = detail::transfer_size(n);
    offset = at;
  }
  std::int32_t await_resume() const noexcept { return result; }
};

// A direction of a file that a thread works on, for as long as the task waits for it.
class thread_use {
 public:
  thread_use(detail::open_file& f, direction w) noexcept
      : used_(f.used[static_cast<std::size_t>(w)]), mine_(!std::exchange(used_, true)) {}
  thread_use(const thread_use&) = delete;
  thread_use& operator=(const thread_use&) = delete;
  ~thread_use() {
    if (mine_) used_ = false;
  }
  bool mine() const noexcept { return mine_; }

 private:
  bool& used_;
  bool mine_;
};

std::int32_t result_of(ssize_t r) noexcept { return r < 0 ? -errno : static_cast<std::int32_t>(r); }

std::int32_t do_here(const std::shared_ptr<detail::open_file>& f, operation_kind kind, void* bytes,
                     std::size_t n, std::uint64_t at, std::uint32_t flags) noexcept {
  for (;;) {
    std::int32_t r = 0;
    if (kind == operation_kind::read)
      r = result_of(::pread(f->fd, bytes, n, static_cast<off_t>(at)));
    else if (kind == operation_kind::write)
      r = result_of(::pwrite(f->fd, bytes, n, static_cast<off_t>(at)));
    else if (flags == rondo::detail::fsync_data_only)
      r = result_of(::fdatasync(f->fd));
    else
      r = result_of(::fsync(f->fd));
    if (r != -EINTR) return r;
  }
}

// One operation, by the ring or by a thread. Gives its result as a reactor does.
task<std::int32_t> perform(std::shared_ptr<detail::open_file> f, operation_kind kind, direction way,
                           const void* bytes, std::size_t n, std::uint64_t at,
                           std::uint32_t flags = 0) {
  if (!f) co_return rondo::detail::result_closed;
  if (f->ring.is_open() || f->closed)
    co_return co_await file_wait(kind, way, *f, bytes, n, at, flags);
  const thread_use use(*f, way);
  if (!use.mine()) co_return rondo::detail::result_busy;
  co_return co_await to_thread(&do_here, f, kind, const_cast<void*>(bytes),
                               std::size_t{detail::transfer_size(n)}, at, flags);
}

task<std::size_t> read_some_at(std::shared_ptr<detail::open_file> f, std::uint64_t offset,
                               std::span<std::byte> buffer) {
  const std::int32_t r = co_await perform(std::move(f), operation_kind::read, direction::in,
                                          buffer.data(), buffer.size(), offset);
  if (r < 0) rondo::detail::throw_io_error(r, "read a file");
  co_return static_cast<std::size_t>(r);
}

task<> write_all_at(std::shared_ptr<detail::open_file> f, std::uint64_t offset,
                    std::span<const std::byte> bytes) {
  do {
    const std::int32_t r = co_await perform(f, operation_kind::write, direction::out, bytes.data(),
                                            bytes.size(), offset);
    if (r < 0) rondo::detail::throw_io_error(r, "write a file");
    if (r == 0 && !bytes.empty()) rondo::detail::throw_io_error(-EIO, "write a file");
    bytes = bytes.subspan(static_cast<std::size_t>(r));
    offset += static_cast<std::uint64_t>(r);
  } while (!bytes.empty());
}

task<> sync_file(std::shared_ptr<detail::open_file> f, bool data_only) {
  const std::int32_t r =
      co_await perform(std::move(f), operation_kind::fsync, direction::out, nullptr, 0, 0,
                       data_only ? rondo::detail::fsync_data_only : 0);
  if (r < 0) rondo::detail::throw_io_error(r, "sync a file");
}

}  // namespace

task<file> file::open(std::string path, file_mode mode, mode_t permissions) {
  co_return file(std::make_shared<detail::open_file>(
      co_await to_thread(&open_here, std::move(path), flags_of(mode), permissions)));
}

task<std::size_t> file::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  return read_some_at(open_, offset, buffer);
}

task<> file::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  return write_all_at(open_, offset, bytes);
}

task<> file::sync(bool data_only) { return sync_file(open_, data_only); }

std::uint64_t file::size() const {
  if (!open_) rondo::detail::throw_io_error(rondo::detail::result_closed, "size of a file");
  struct stat s{};
  if (::fstat(open_->fd, &s) != 0) rondo::detail::throw_io_error(-errno, "size of a file");
  return static_cast<std::uint64_t>(s.st_size);
}

void file::close() noexcept {
  if (open_) open_->close();
  open_.reset();
}

task<std::string> read_file(std::string path, std::size_t limit) {
  file f = co_await file::open(path);
  std::string text;
  // Files of /proc say that they are empty: read until the end, whatever the size.
  constexpr std::size_t least = 4096;
  for (std::size_t have = 0;;) {
    const std::size_t room = std::max<std::size_t>(have == 0 ? f.size() + 1 : have * 2, least);
    text.resize(std::min(room, limit + 1));
    const std::size_t n = co_await f.read_at(
        have, std::as_writable_bytes(std::span(text.data() + have, text.size() - have)));
    have += n;
    if (have > limit) throw std::system_error(EFBIG, std::system_category(), "read " + path);
    if (n == 0) {
      text.resize(have);
      co_return text;
    }
  }
}

}  // namespace rondo::net
