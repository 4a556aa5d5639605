// Folders: what is in them, and what is below them, without holding up the loop.
//
//   auto entries = net::list_directory("/etc");
//   while (auto e = co_await entries.next()) use(e->path);
//
//   auto below = net::walk_directory(path, net::walk_options().max_depth(3));
//   while (auto e = co_await below.next())
//     if (e->kind == net::entry_kind::file) use(e->path, e->depth);
//
// Read on a thread, some hundred entries at a time, in the system's order and without "." and "..".
// What is made or removed meanwhile may be seen or not (readdir(3)).
#pragma once

#include <rondo/runtime/generator.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace rondo::net {

enum class entry_kind : std::uint8_t { file, folder, symbolic_link, other };

// What stands in a folder.
struct directory_entry {
  std::string path;  // of the folder as it was given, and the name
  std::string name;
  entry_kind kind = entry_kind::other;  // of the entry itself: links are not followed
  std::size_t depth = 0;                // 0: in the folder that was given
};

// Every setter returns the object itself.
struct walk_options {
  // How deep it goes: 0 is the folder itself. Without a limit.
  walk_options& max_depth(std::size_t n) noexcept {
    max_depth_ = n;
    return *this;
  }
  // Folders below the first that may not be read are passed over. False: they are an error.
  walk_options& skip_unreadable(bool yes = true) noexcept {
    skip_unreadable_ = yes;
    return *this;
  }

  std::size_t max_depth_ = ~std::size_t{0};
  bool skip_unreadable_ = false;
};

// The entries of one folder. next() throws std::system_error that names it: ENOENT, ENOTDIR,
// EACCES; EINVAL for a path with a NUL byte. Cancelled: when the thread is done; the generator is
// finished then.
generator<directory_entry> list_directory(std::string path);

// The entries of a folder, then of the folders in it, and so on. One folder is open at a time; what
// is remembered is the paths of those still to be read. Links are never followed. Errors and
// cancellation as list_directory's; a folder that has gone meanwhile is no error.
generator<directory_entry> walk_directory(std::string path, walk_options options = {});

}  // namespace rondo::net
