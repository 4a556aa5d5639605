#include <rondo/net/parts/open_file.hpp>
#include <rondo/net/send_file.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <limits>
#include <utility>

namespace rondo::net::detail {
namespace {

// At most, of a sendfile: what is asked to be in memory before it, and holds up others meanwhile.
constexpr std::size_t largest_piece = 512 * 1024;

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] sendfile_wait final
    : public io_wait {
 public:
  sendfile_wait(descriptor to, int file, std::uint32_t size, std::uint64_t offset) noexcept
      : io_wait(to, io_call::sendfile(file, size, offset)) {}
  std::int32_t await_resume() const noexcept { return result; }
};

// While it lives, the file's descriptor stays open.
class sending {
 public:
  explicit sending(open_file& f) : file_(f) {
    if (f.closed) f.fail(rondo::detail::result_closed, "send ");
    ++f.sends;
  }
  sending(const sending&) = delete;
  sending& operator=(const sending&) = delete;
  ~sending() {
    --file_.sends;
    file_.let_go();
  }

 private:
  open_file& file_;
};

// A send of several pieces that is cancelled between two of them, or in one, does not know what of
// it the peer will take for the whole.
class breaks_when_cancelled {
 public:
  breaks_when_cancelled(descriptor to, const std::uint64_t& gone) noexcept : to_(to), gone_(gone) {}
  breaks_when_cancelled(const breaks_when_cancelled&) = delete;
  breaks_when_cancelled& operator=(const breaks_when_cancelled&) = delete;
  ~breaks_when_cancelled() {
    if (gone_ > 0 && is_unwinding()) rondo::detail::this_core().io().break_writes(to_);
  }

 private:
  descriptor to_;
  const std::uint64_t& gone_;
};

// Whether the byte at `offset` can be had without waiting for a disk. Nobody can tell of every file
// system; then it cannot.
bool byte_in_memory(int fd, std::uint64_t offset) noexcept {
  std::byte one{};
  const iovec room{&one, 1};
  return ::preadv2(fd, &room, 1, static_cast<off_t>(offset), RWF_NOWAIT) >= 0;
}

// Both ends of a piece: what the kernel reads ahead it reads in larger pieces than this.
bool in_memory(int fd, std::uint64_t offset, std::size_t size) noexcept {
  return byte_in_memory(fd, offset) && byte_in_memory(fd, offset + size - 1);
}

// On a thread: reads the piece, and asks for the next.
void bring_in(const std::shared_ptr<open_file>& f, std::uint64_t offset, std::size_t size) {
  constexpr std::size_t room = 128 * 1024;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(room);
  ::posix_fadvise(f->fd, static_cast<off_t>(offset), static_cast<off_t>(size + largest_piece),
                  POSIX_FADV_WILLNEED);
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::pread(f->fd, buffer.get(), std::min(room, size - done),
                              static_cast<off_t>(offset + done));
    if (n <= 0) return;  // sendfile will say why
    done += static_cast<std::size_t>(n);
  }
}

// A negative errno when this file, or this socket, has no sendfile.
task<std::int32_t> send_piece(descriptor to, std::shared_ptr<open_file> from, std::uint64_t offset,
                              std::uint32_t size) {
  if (!in_memory(from->fd, offset, size)) co_await to_thread(&bring_in, from, offset, size);
  co_return co_await sendfile_wait(to, from->fd, size, offset);
}

task<std::size_t> read_and_write(descriptor to, const std::shared_ptr<open_file>& from,
                                 std::uint64_t offset, std::uint64_t count) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(file_piece_bytes);
  const std::span room(buffer.get(), std::min<std::uint64_t>(count, file_piece_bytes));
  const std::size_t n = co_await read_some_at(from, offset, room);
  if (n == 0) co_return 0;
  co_return co_await write_some_wait(to, room.first(n));
}

}  // namespace

task<std::size_t> send_some_to_socket(descriptor to, std::shared_ptr<open_file> from,
                                      std::uint64_t offset, std::uint64_t count) {
  want_open(from, "send a file");
  const sending pinned(*from);
  constexpr auto end = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  if (count == 0 || offset >= end) co_return 0;
  count = std::min(count, end - offset);
  if (from->status.what == file_status::type::regular &&
      rondo::detail::this_core().io().sends_files()) {
    const auto size = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, largest_piece));
    const std::int32_t r = co_await send_piece(to, from, offset, size);
    if (r >= 0) co_return static_cast<std::size_t>(r);
    if (r != -EINVAL && r != -ENOSYS && r != -EOPNOTSUPP) from->fail(r, "send ");
  }
  co_return co_await read_and_write(to, from, offset, count);
}

task<std::uint64_t> send_all_to_socket(descriptor to, std::shared_ptr<open_file> from,
                                       std::uint64_t offset, std::uint64_t count) {
  std::uint64_t gone = 0;
  const breaks_when_cancelled guard(to, gone);
  while (gone < count) {
    const std::size_t n = co_await send_some_to_socket(to, from, offset + gone, count - gone);
    if (n == 0) break;
    gone += n;
  }
  co_return gone;
}

}  // namespace rondo::net::detail
