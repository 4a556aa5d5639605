// file_watch: what happens to files and folders, one change after another (inotify(7)).
//
//   net::file_watch watch;
//   watch.add("/etc/app");
//   while (true) {
//     net::file_change c = co_await watch.next();
//     if (c.what == net::change_kind::overflow) use(path);  // some were lost: look again
//     use(c.path);
//   }
//
// A folder is watched for what happens in it, not for what happens below its folders. Watching
// begins with add(): what happens between next() and next() is remembered, by the kernel up to
// /proc/sys/fs/inotify/max_queued_events. Changes made by other machines to a network file system
// are not seen.
#pragma once

#include <rondo/net/pipe_stream.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rondo::net {

enum class change_kind : std::uint8_t {
  created,       // in the folder
  removed,       // from the folder
  modified,      // written to, or cut
  written,       // closed by somebody who could write
  attributes,    // permissions, times, owner, links
  moved_from,    // another name, or another folder; moved_to with the same cookie is the other half
  moved_to,      // …
  watched_gone,  // what was watched was itself removed, moved or unmounted
  overflow,      // the kernel's queue was full: changes were lost
};

struct file_change {
  change_kind what = change_kind::overflow;
  std::string path;          // as it was given to add(), and the name in the folder; of an overflow
                             // empty
  bool is_folder = false;    // what it happened to
  std::uint32_t cookie = 0;  // of a move
};

// One task at a time in next(); a second fails with io_errc::busy. Not copied, movable while nobody
// waits.
class file_watch {
 public:
  // Throws std::system_error: EMFILE when the user has too many.
  file_watch();

  // A file, or a folder for what is in it; a link is followed. Throws std::system_error that names
  // the path: ENOENT, EACCES, ENOSPC when the user may have no more
  // (/proc/sys/fs/inotify/max_user_watches).
  void add(const std::string& path);
  // No change of it comes any more, but for what has happened already. False: it is not watched.
  bool remove(const std::string& path) noexcept;
  // Completes with the next change, in the kernel's order. Throws std::system_error. Cancelled: no
  // change is lost.
  task<file_change> next();

 private:
  pipe_stream events_;
  std::map<int, std::string> paths_;
  std::vector<std::byte> buffer_;
  std::size_t at_ = 0;
};

}  // namespace rondo::net
