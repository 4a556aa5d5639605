// file: reading and writing files without holding up the loop.
//
//   file f = co_await file::open("data.bin", file_mode::read_only);
//   std::size_t n = co_await f.read_at(4096, buffer);
//   std::string all = co_await read_file("/etc/hostname");
//
// On io_uring an operation of the ring like any other; elsewhere a call on a thread (to_thread). In
// the simulation files are the real ones, read and written inline.
//
// A path may also lead to what is no file and has no offsets: a pipe, a FIFO, a terminal,
// /dev/stdin. It is read and written in order, whatever offset is given, when the kernel says that
// it is ready, on every reactor; in the simulation somebody looks every millisecond of virtual
// time. Such a wait can be cancelled. A FIFO is open at once; its reader waits for a writer to
// come, and has the end when the last of them has gone.
#pragma once

#include <rondo/net/file_status.hpp>
#include <rondo/runtime/io.hpp>
#include <rondo/runtime/task.hpp>

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace rondo::net {

enum class file_mode : std::uint8_t {
  read_only,   // must exist
  read_write,  // made when it does not exist
  create_new,  // read and write; must not exist (EEXIST)
  truncate,    // read and write; made, or emptied
};

class file;

namespace detail {
struct open_file;
std::shared_ptr<open_file> shared(const file& f) noexcept;
file from_shared(std::shared_ptr<open_file> f) noexcept;
task<std::size_t> read_some_at(std::shared_ptr<open_file> f, std::uint64_t offset,
                               std::span<std::byte> buffer);
}  // namespace detail

// Movable. One read and one write or sync at a time; a second fails with io_errc::busy. Belongs to
// the loop it was opened on.
class file {
 public:
  // Closed from the start, to be assigned to.
  file() noexcept = default;
  file(file&&) noexcept = default;
  file& operator=(file&& other) noexcept {
    if (this != &other) {
      close();
      open_ = std::move(other.open_);
    }
    return *this;
  }
  ~file() { close(); }

  // On a thread: open(2) may wait. `permissions` are for a file that is made, under the umask.
  // Throws std::system_error that names the path, as every operation on the file does; EINVAL for a
  // path with a NUL byte, before anything is opened. Cancelled: nothing stays open; one that is
  // made is not removed.
  static task<file> open(std::string path, file_mode mode = file_mode::read_only,
                         mode_t permissions = 0644);

  // Completes with how many bytes were read at `offset`: fewer than asked at the end of the file, 0
  // past it. Throws std::system_error; EISDIR for a directory. Cancelled: when the kernel, or the
  // thread, has let go of the buffer; what it holds then is not said. A read that was complete by
  // then is delivered.
  task<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer);
  // Writes everything at `offset`. Throws std::system_error: ENOSPC, EBADF for a file opened
  // read-only, … Cancelled: how much was written is not known.
  task<> write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // Completes when everything written is on the device (fsync(2)); `data_only`: without what is not
  // needed to read it back (fdatasync(2)). Throws std::system_error.
  task<> sync(bool data_only = false);
  // What of it is in memory at `offset` (preadv2(2), RWF_NOWAIT): how many bytes were read, 0 at
  // its end. nullopt when a disk would have to be waited for, or nobody can tell: then read_at. One
  // system call, on the spot.
  std::optional<std::size_t> read_now(std::uint64_t offset, std::span<std::byte> buffer) noexcept;
  // Bytes, now. One system call, on the spot. Throws std::system_error.
  std::uint64_t size() const;
  // What it is, now. One system call, on the spot. Throws std::system_error.
  file_status status() const;
  // What it was when it was opened. Of one that is closed: nothing.
  file_status status_when_opened() const noexcept;
  // At once. What runs on it ends with io_errc::closed on io_uring, else with its result; the
  // descriptor goes after it.
  void close() noexcept;
  bool is_open() const noexcept;

 private:
  friend std::shared_ptr<detail::open_file> detail::shared(const file& f) noexcept;
  friend file detail::from_shared(std::shared_ptr<detail::open_file> f) noexcept;
  explicit file(std::shared_ptr<detail::open_file> f) noexcept : open_(std::move(f)) {}
  std::shared_ptr<detail::open_file> open_;
};

// All of a file, whatever its size says: what is there until a read finds the end. Of a file that
// grows or shrinks meanwhile, what it held when it was read. Throws std::system_error that names
// the path; EFBIG when it is longer than `limit` bytes. Cancelled: as read_at.
task<std::string> read_file(std::string path, std::size_t limit = std::size_t{1} << 30);

}  // namespace rondo::net
