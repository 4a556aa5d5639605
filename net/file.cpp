#include <rondo/net/file.hpp>
#include <rondo/net/parts/open_file.hpp>
#include <rondo/net/parts/path.hpp>
#include <rondo/net/parts/ready_wait.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace rondo::net {

using rondo::detail::direction;
using rondo::detail::io_call;
using rondo::detail::operation_kind;

namespace detail {

std::shared_ptr<open_file> shared(const file& f) noexcept { return f.open_; }
file from_shared(std::shared_ptr<open_file> f) noexcept { return file(std::move(f)); }

}  // namespace detail

using detail::fresh_file;
using detail::want_open;

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

int try_to_open(const std::string& path, int flags, mode_t permissions) noexcept {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, permissions);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// O_NONBLOCK: a FIFO is open at once, and its reader waits for a writer as for any other byte.
fresh_file open_here(std::string path, int flags, mode_t permissions) {
  int fd = try_to_open(path, flags | O_NONBLOCK, permissions);
  // Somebody holds a lease on it, which he is asked to give up: that is waited for (fcntl(2),
  // F_SETLEASE).
  if (fd < 0 && errno == EWOULDBLOCK) fd = try_to_open(path, flags, permissions);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "open " + path);
  fresh_file f(std::move(path), fd);
  if (const int r = f.look(); r < 0)
    throw std::system_error(-r, std::system_category(), "open " + f.take_path());
  return f;
}

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] file_wait final
    : public rondo::detail::io_wait {
 public:
  file_wait(const detail::open_file& f, const io_call& call) noexcept
      : io_wait(f.attached.get(), call) {}
  std::int32_t await_resume() const noexcept { return result; }
};

// A direction of a file that a thread works on, for as long as the task waits for it.
class thread_use {
 public:
  thread_use(detail::open_file& f, direction w) noexcept
      : file_(f), used_(f.used[static_cast<std::size_t>(w)]), mine_(!std::exchange(used_, true)) {}
  thread_use(const thread_use&) = delete;
  thread_use& operator=(const thread_use&) = delete;
  ~thread_use() {
    if (!mine_) return;
    used_ = false;
    file_.let_go();
  }
  bool mine() const noexcept { return mine_; }

 private:
  detail::open_file& file_;
  bool& used_;
  bool mine_;
};

std::int32_t result_of(ssize_t r) noexcept { return r < 0 ? -errno : static_cast<std::int32_t>(r); }

std::int32_t do_here(const std::shared_ptr<detail::open_file>& f, const io_call& call) noexcept {
  const auto at = static_cast<off_t>(call.offset());
  for (;;) {
    std::int32_t r = 0;
    if (call.kind() == operation_kind::read)
      r = result_of(::pread(f->fd, call.buffer(), call.size(), at));
    else if (call.kind() == operation_kind::write)
      r = result_of(::pwrite(f->fd, call.bytes(), call.size(), at));
    else if (call.flags() == rondo::detail::fsync_data_only)
      r = result_of(::fdatasync(f->fd));
    else
      r = result_of(::fsync(f->fd));
    if (r != -EINTR) return r;
  }
}

// --- pipes and terminals ---

// Waits until it can be read or written without waiting. The kernel tells; in the simulation, which
// it cannot reach, somebody looks every millisecond of virtual time.
task<std::int32_t> wait_until_ready(detail::open_file& f, direction way) {
  if (f.attached.is_open()) co_return co_await detail::ready_wait(f.attached.get(), way);
  const thread_use use(f, way);
  if (!use.mine()) co_return rondo::detail::result_busy;
  while (!f.closed && !detail::is_ready(f.fd, way)) co_await sleep_for(detail::simulated_look);
  co_return 0;
}

task<std::int32_t> flow(detail::open_file& f, io_call call) {
  for (;;) {
    const std::int32_t ready = co_await wait_until_ready(f, call.way());
    if (ready < 0) co_return ready;
    if (f.closed) co_return rondo::detail::result_closed;
    const std::int32_t r = call.kind() == operation_kind::read
                               ? result_of(::read(f.fd, call.buffer(), call.size()))
                               : detail::write_quietly(f.fd, call.bytes(), call.size());
    if (r != -EAGAIN && r != -EINTR) co_return r;
  }
}

// One operation, by the reactor or by a thread. Gives its result as a reactor does.
task<std::int32_t> perform(std::shared_ptr<detail::open_file> f, io_call call) {
  if (f->closed) co_return rondo::detail::result_closed;
  // io_uring would take the largest number for "where the last one ended".
  if (call.offset() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) co_return -EINVAL;
  if (f->flows) {  // sync has nothing to wait for there, and says so
    if (call.kind() == operation_kind::fsync) co_return do_here(f, call);
    co_return co_await flow(*f, call);
  }
  if (!f->attached.is_open() && rondo::detail::this_core().io().serves_files()) f->attach();
  while (f->attached.is_open()) {
    const std::int32_t r = co_await file_wait(*f, call);
    if (r != -EINTR) co_return r;  // a signal is no error, in the ring neither
    if (f->closed) co_return rondo::detail::result_closed;
  }
  const thread_use use(*f, call.way());
  if (!use.mine()) co_return rondo::detail::result_busy;
  co_return co_await to_thread(&do_here, f, call);
}

}  // namespace

namespace detail {

task<std::size_t> read_some_at(std::shared_ptr<detail::open_file> f, std::uint64_t offset,
                               std::span<std::byte> buffer) {
  want_open(f, "read a file");
  const std::int32_t r = co_await perform(
      f, io_call::read(buffer.data(), detail::transfer_size(buffer.size()), offset));
  if (r < 0) f->fail(r, "read ");
  co_return static_cast<std::size_t>(r);
}

}  // namespace detail

namespace {

using detail::read_some_at;

task<> write_all_at(std::shared_ptr<detail::open_file> f, std::uint64_t offset,
                    std::span<const std::byte> bytes) {
  want_open(f, "write a file");
  do {
    const std::int32_t r = co_await perform(
        f, io_call::write(bytes.data(), detail::transfer_size(bytes.size()), offset));
    if (r < 0) f->fail(r, "write ");
    if (r == 0 && !bytes.empty()) f->fail(-EIO, "write ");
    bytes = bytes.subspan(static_cast<std::size_t>(r));
    offset += static_cast<std::uint64_t>(r);
  } while (!bytes.empty());
}

task<> sync_file(std::shared_ptr<detail::open_file> f, bool data_only) {
  want_open(f, "sync a file");
  const std::int32_t r =
      co_await perform(f, io_call::fsync(data_only ? rondo::detail::fsync_data_only : 0));
  if (r < 0) f->fail(r, "sync ");
}

task<std::string> read_whole(std::shared_ptr<detail::open_file> f, std::size_t limit) {
  // A file of /proc or a pipe says that it is empty: what counts is the end.
  constexpr std::size_t least = 4096;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  const std::size_t longest = limit < most ? limit + 1 : most;
  std::string text;
  for (std::size_t have = 0;;) {
    if (have == text.size())
      text.resize(std::min(
          longest, std::max<std::size_t>(have == 0 ? f->status.size + 1 : have * 2, least)));
    const std::size_t n = co_await read_some_at(
        f, have, std::as_writable_bytes(std::span(text.data() + have, text.size() - have)));
    have += n;
    if (have > limit) f->fail(-EFBIG, "read ");
    if (n == 0) {
      text.resize(have);
      co_return text;
    }
  }
}

task<std::shared_ptr<detail::open_file>> open_to_share(std::string path, file_mode mode,
                                                       mode_t permissions) {
  detail::refuse_nul(path, "open");
  co_return std::make_shared<detail::open_file>(
      co_await to_thread(&open_here, std::move(path), flags_of(mode), permissions));
}

}  // namespace

task<file> file::open(std::string path, file_mode mode, mode_t permissions) {
  co_return file(co_await open_to_share(std::move(path), mode, permissions));
}

task<std::size_t> file::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  return read_some_at(open_, offset, buffer);
}

task<> file::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  return write_all_at(open_, offset, bytes);
}

task<> file::sync(bool data_only) { return sync_file(open_, data_only); }

std::optional<std::size_t> file::read_now(std::uint64_t offset,
                                          std::span<std::byte> buffer) noexcept {
  if (!is_open() || open_->flows ||
      offset > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return std::nullopt;
  const iovec room{buffer.data(), detail::transfer_size(buffer.size())};
  const auto from = static_cast<off_t>(offset);
  // In the simulation all files are as if they were in memory.
  const ssize_t n = rondo::detail::this_core().simulated()
                        ? ::preadv(open_->fd, &room, 1, from)
                        : ::preadv2(open_->fd, &room, 1, from, RWF_NOWAIT);
  return n < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(n));
}

std::uint64_t file::size() const { return status().size; }

file_status file::status() const {
  want_open(open_, "size of a file");
  if (open_->closed) open_->fail(rondo::detail::result_closed, "size of ");
  struct stat s{};
  if (::fstat(open_->fd, &s) != 0) open_->fail(-errno, "size of ");
  return detail::to_status(s);
}

file_status file::status_when_opened() const noexcept {
  return is_open() ? open_->status : file_status();
}

void file::close() noexcept {
  if (open_) open_->close();
}

bool file::is_open() const noexcept { return open_ && !open_->closed; }

task<std::string> read_file(std::string path, std::size_t limit) {
  co_return co_await read_whole(co_await open_to_share(std::move(path), file_mode::read_only, 0644),
                                limit);
}

}  // namespace rondo::net
