#include <rondo/net/directory.hpp>
#include <rondo/net/parts/owned_descriptor.hpp>
#include <rondo/net/parts/path.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace rondo::net {

namespace {

constexpr std::size_t entries_at_once = 256;

// Closed when it goes. On one thread at a time: the loop waits for the one that reads.
class open_folder {
 public:
  open_folder(DIR* d, std::string path) noexcept : folder_(d), path_(std::move(path)) {}
  open_folder(const open_folder&) = delete;
  open_folder& operator=(const open_folder&) = delete;
  ~open_folder() { ::closedir(folder_); }

  // Empty at the end. Throws std::system_error.
  std::vector<directory_entry> read(std::size_t depth);

 private:
  entry_kind kind_of(const dirent& e) const noexcept;

  DIR* folder_;
  std::string path_;
};

using folder_ptr = std::shared_ptr<open_folder>;

folder_ptr open_a_folder(const std::string& path, bool follow) {
  const int fd =
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
  detail::owned_descriptor owned(fd);
  DIR* d = owned ? ::fdopendir(fd) : nullptr;
  if (!d) throw std::system_error(errno, std::system_category(), "open the folder " + path);
  owned.release();
  return std::make_shared<open_folder>(d, path);
}

entry_kind open_folder::kind_of(const dirent& e) const noexcept {
  switch (e.d_type) {
    case DT_REG: return entry_kind::file;
    case DT_DIR: return entry_kind::folder;
    case DT_LNK: return entry_kind::symbolic_link;
    case DT_UNKNOWN: break;
    default: return entry_kind::other;
  }
  // Not every file system says.
  struct stat s{};
  if (::fstatat(::dirfd(folder_), e.d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) return entry_kind::other;
  if (S_ISREG(s.st_mode)) return entry_kind::file;
  if (S_ISDIR(s.st_mode)) return entry_kind::folder;
  return S_ISLNK(s.st_mode) ? entry_kind::symbolic_link : entry_kind::other;
}

std::vector<directory_entry> open_folder::read(std::size_t depth) {
  std::vector<directory_entry> some;
  while (some.size() < entries_at_once) {
    errno = 0;
    const dirent* e = ::readdir(folder_);
    if (!e && errno != 0)
      throw std::system_error(errno, std::system_category(), "read the folder " + path_);
    if (!e) break;
    const std::string_view name = e->d_name;
    if (name == "." || name == "..") continue;
    std::string path = path_;
    if (!path.ends_with('/')) path += '/';
    path += name;
    some.push_back(
        {.path = std::move(path), .name = std::string(name), .kind = kind_of(*e), .depth = depth});
  }
  return some;
}

std::vector<directory_entry> read_some_of(const folder_ptr& f, std::size_t depth) {
  return f->read(depth);
}

bool has_gone(const std::system_error& e) noexcept {
  return e.code() == std::error_code(ENOENT, std::system_category()) ||
         e.code() == std::error_code(ENOTDIR, std::system_category()) ||
         e.code() == std::error_code(ELOOP, std::system_category());  // a link stands there now
}

// nullptr: it is passed over.
task<folder_ptr> open_below(std::string path, bool skip_unreadable) {
  try {
    co_return co_await to_thread(&open_a_folder, std::move(path), false);
  } catch (const std::system_error& e) {
    const bool denied = e.code() == std::error_code(EACCES, std::system_category());
    if (has_gone(e) || (denied && skip_unreadable)) co_return nullptr;
    throw;
  }
}

}  // namespace

generator<directory_entry> list_directory(std::string path) {
  return walk_directory(std::move(path), walk_options().max_depth(0));
}

generator<directory_entry> walk_directory(std::string path, walk_options options) {
  detail::refuse_nul(path, "list");
  struct folder_to_read {
    std::string path;
    std::size_t depth;
  };
  std::vector<folder_to_read> waiting;
  folder_ptr folder = co_await to_thread(&open_a_folder, std::move(path), true);
  for (std::size_t depth = 0;;) {
    while (folder) {
      std::vector<directory_entry> some = co_await to_thread(&read_some_of, folder, depth);
      if (some.empty()) break;
      for (directory_entry& e : some) {
        if (e.kind == entry_kind::folder && depth < options.max_depth_)
          waiting.push_back({e.path, depth + 1});
        co_yield std::move(e);
      }
    }
    folder.reset();
    if (waiting.empty()) co_return;
    folder_to_read next = std::move(waiting.back());
    waiting.pop_back();
    depth = next.depth;
    folder = co_await open_below(std::move(next.path), options.skip_unreadable_);
  }
}

}  // namespace rondo::net
