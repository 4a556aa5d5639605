#include <rondo/net/parts/owned_descriptor.hpp>
#include <rondo/net/parts/path.hpp>
#include <rondo/net/temporary.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace rondo::net {

namespace {

// What mkstemp(3) and mkdtemp(3) want.
std::string pattern_in(std::string prefix, std::string folder) {
  detail::refuse_nul(prefix, "make");
  detail::refuse_nul(folder, "make");
  if (prefix.find('/') != std::string::npos)
    throw std::system_error(EINVAL, std::system_category(),
                            "a prefix of a name must not hold a slash: " + prefix);
  if (folder.empty()) {
    const char* set = ::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe)
    folder = set && *set ? set : "/tmp";
  }
  if (!folder.ends_with('/')) folder += '/';
  return folder + prefix + "XXXXXX";
}

// A path that is removed unless it arrives.
class made_file {
 public:
  explicit made_file(std::string path) noexcept : path_(std::move(path)) {}
  made_file(made_file&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  made_file& operator=(made_file&&) = delete;
  ~made_file() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const std::string& path() const noexcept { return path_; }
  std::string take() noexcept { return std::exchange(path_, {}); }

 private:
  std::string path_;
};

made_file make_a_file(std::string pattern) {
  const detail::owned_descriptor fd(::mkostemp(pattern.data(), O_CLOEXEC));
  if (!fd) throw std::system_error(errno, std::system_category(), "make " + pattern);
  return made_file(std::move(pattern));
}

// Returned from the thread as what removes it, so that it does not stay when nobody waits any more.
std::string make_a_folder(std::string pattern) {
  if (!::mkdtemp(pattern.data()))
    throw std::system_error(errno, std::system_category(), "make " + pattern);
  return pattern;
}

void remove_tree(const std::string& path) {
  std::error_code e;
  std::filesystem::remove_all(path, e);
  if (e) throw std::system_error(e, "remove " + path);
}

}  // namespace

task<temporary_file> temporary_file::make(std::string prefix, std::string folder) {
  made_file made =
      co_await to_thread(&make_a_file, pattern_in(std::move(prefix), std::move(folder)));
  temporary_file t;
  t.content_ = co_await file::open(made.path(), file_mode::read_write);
  t.path_ = made.take();
  co_return t;
}

void temporary_file::remove() noexcept {
  content_.close();
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

task<temporary_folder> temporary_folder::make(std::string prefix, std::string folder) {
  co_return co_await to_thread(
      [](std::string pattern) { return temporary_folder(make_a_folder(std::move(pattern))); },
      pattern_in(std::move(prefix), std::move(folder)));
}

task<> temporary_folder::remove() {
  if (path_.empty()) co_return;
  co_await to_thread(&remove_tree, path_);
  path_.clear();
}

void temporary_folder::remove_now() noexcept {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  path_.clear();
}

}  // namespace rondo::net
