#include <rondo/runtime/inside/symbols.hpp>

#include <cxxabi.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>

// What we use of <elfutils/libdwfl.h>, whose interface has not changed since 2005. It is declared
// here so that neither building Rondo nor linking a program needs it.
struct Dwfl;
struct Dwfl_Module;
struct Dwarf_Line;
struct Dwarf_Files;
struct rondo_dwarf_die {
  void* address;
  void* unit;
  void* abbreviation;
  long padding;
};
struct rondo_dwarf_attribute {
  unsigned code;
  unsigned form;
  unsigned char* value;
  void* unit;
};
struct rondo_dwfl_callbacks {
  void* find_elf;
  void* find_debuginfo;
  void* section_address;
  char** debuginfo_path;
};

namespace rondo::detail {
namespace {

using dwarf_address = std::uint64_t;
using die = rondo_dwarf_die;
using attribute = rondo_dwarf_attribute;

constexpr int tag_inlined = 0x1d;     // DW_TAG_inlined_subroutine
constexpr int tag_function = 0x2e;    // DW_TAG_subprogram
constexpr unsigned call_file = 0x58;  // DW_AT_call_file
constexpr unsigned call_line = 0x59;  // DW_AT_call_line

std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 && text ? text.get() : name;
}

// The library, once it has been needed.
struct dwarf_library {
  // nullptr: it is not there.
  static const dwarf_library* get() {
    static const dwarf_library* const found = load();  // never unloaded: a thread may outlive main
    return found;
  }

  void* find_elf = nullptr;
  void* find_debuginfo = nullptr;
  Dwfl* (*begin)(const rondo_dwfl_callbacks*) = nullptr;
  void (*end)(Dwfl*) = nullptr;
  int (*report)(Dwfl*, int) = nullptr;
  int (*report_end)(Dwfl*, void*, void*) = nullptr;
  Dwfl_Module* (*addrmodule)(Dwfl*, dwarf_address) = nullptr;
  const char* (*module_info)(Dwfl_Module*, void***, dwarf_address*, dwarf_address*, dwarf_address*,
                             dwarf_address*, const char**, const char**) = nullptr;
  const char* (*module_addrname)(Dwfl_Module*, dwarf_address) = nullptr;
  die* (*module_nextcu)(Dwfl_Module*, die*, dwarf_address*) = nullptr;
  int (*haspc)(die*, dwarf_address) = nullptr;
  Dwarf_Line* (*getsrc_die)(die*, dwarf_address) = nullptr;
  const char* (*linesrc)(Dwarf_Line*, std::uint64_t*, std::uint64_t*) = nullptr;
  int (*lineno)(Dwarf_Line*, int*) = nullptr;
  int (*getscopes)(die*, dwarf_address, die**) = nullptr;
  int (*tag)(die*) = nullptr;
  const char* (*diename)(die*) = nullptr;
  attribute* (*attr)(die*, unsigned, attribute*) = nullptr;
  int (*formudata)(attribute*, std::uint64_t*) = nullptr;
  int (*getsrcfiles)(die*, Dwarf_Files**, std::size_t*) = nullptr;
  const char* (*filesrc)(Dwarf_Files*, std::size_t, std::uint64_t*, std::uint64_t*) = nullptr;

 private:
  template <class Fn>
  static bool find(void* library, const char* name, Fn*& function) {
    function = reinterpret_cast<Fn*>(::dlsym(library, name));
    return function != nullptr;
  }
  static const dwarf_library* load() {
    void* const l = ::dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!l) return nullptr;
    auto d = std::make_unique<dwarf_library>();
    d->find_elf = ::dlsym(l, "dwfl_linux_proc_find_elf");
    // By build id on this machine. (dwfl_standard_find_debuginfo may ask servers of the network.)
    d->find_debuginfo = ::dlsym(l, "dwfl_build_id_find_debuginfo");
    const bool all =
        find(l, "dwfl_begin", d->begin) && find(l, "dwfl_end", d->end) &&
        find(l, "dwfl_linux_proc_report", d->report) && find(l, "dwfl_report_end", d->report_end) &&
        find(l, "dwfl_addrmodule", d->addrmodule) && find(l, "dwfl_module_info", d->module_info) &&
        find(l, "dwfl_module_addrname", d->module_addrname) &&
        find(l, "dwfl_module_nextcu", d->module_nextcu) && find(l, "dwarf_haspc", d->haspc) &&
        find(l, "dwarf_getsrc_die", d->getsrc_die) && find(l, "dwarf_linesrc", d->linesrc) &&
        find(l, "dwarf_lineno", d->lineno) && find(l, "dwarf_getscopes", d->getscopes) &&
        find(l, "dwarf_tag", d->tag) && find(l, "dwarf_diename", d->diename) &&
        find(l, "dwarf_attr", d->attr) && find(l, "dwarf_formudata", d->formudata) &&
        find(l, "dwarf_getsrcfiles", d->getsrcfiles) && find(l, "dwarf_filesrc", d->filesrc) &&
        d->find_elf && d->find_debuginfo;
    return all ? d.release() : nullptr;
  }
};

class dwarf_reader {
 public:
  dwarf_reader() : library_(dwarf_library::get()) {
    if (!library_) return;
    callbacks_.find_elf = library_->find_elf;
    callbacks_.find_debuginfo = library_->find_debuginfo;
    callbacks_.debuginfo_path = &debuginfo_path_;
    dwfl_ = library_->begin(&callbacks_);
    if (dwfl_ && library_->report(dwfl_, ::getpid()) == 0)
      library_->report_end(dwfl_, nullptr, nullptr);
    char path[4096];
    const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
    if (n > 0) program_.assign(path, static_cast<std::size_t>(n));
  }
  dwarf_reader(const dwarf_reader&) = delete;
  dwarf_reader& operator=(const dwarf_reader&) = delete;
  // Closes the files that it has read.
  ~dwarf_reader() {
    if (dwfl_) library_->end(dwfl_);
  }

  // False: it is in no file that is known.
  bool append(std::vector<code_place>& out, dwarf_address address) const {
    if (!dwfl_) return false;
    Dwfl_Module* const module = library_->addrmodule(dwfl_, address);
    if (!module) return false;
    const char* file = nullptr;
    library_->module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &file, nullptr);
    const bool own = file && program_ == file;
    const char* symbol = library_->module_addrname(module, address);
    code_place outer{symbol ? demangled(symbol) : "", "", "", own};
    outer.outer = outer.function;
    dwarf_address bias = 0;
    for (die* unit = nullptr; (unit = library_->module_nextcu(module, unit, &bias));) {
      if (library_->haspc(unit, address - bias) != 1) continue;
      append_unit(out, *unit, address - bias, outer);
      return true;
    }
    if (file) outer.where = base_name(file);
    out.push_back(std::move(outer));
    return true;
  }

 private:
  // The functions at `pc`, from the innermost of those that were put into others to the one that
  // has the code: each with the line at which it calls the one before.
  void append_unit(std::vector<code_place>& out, die& unit, dwarf_address pc,
                   const code_place& outer) const {
    std::string where;
    if (Dwarf_Line* const line = library_->getsrc_die(&unit, pc)) {
      int number = 0;
      const char* const source = library_->linesrc(line, nullptr, nullptr);
      library_->lineno(line, &number);
      if (source) where = std::string(base_name(source)) + ':' + std::to_string(number);
    }
    die* scopes = nullptr;
    const int count = library_->getscopes(&unit, pc, &scopes);
    const std::unique_ptr<die, void (*)(void*)> owned(count > 0 ? scopes : nullptr, &std::free);
    for (int i = 0; i < count; ++i) {
      const int tag = library_->tag(&scopes[i]);
      if (tag == tag_function) break;
      if (tag != tag_inlined) continue;
      const char* const name = library_->diename(&scopes[i]);
      out.push_back({name ? name : "", outer.function, where, outer.of_program});
      where = call_of(unit, scopes[i]);
    }
    out.push_back({outer.function, outer.function, where, outer.of_program});
  }
  std::string call_of(die& unit, die& inlined) const {
    std::uint64_t file = 0;
    std::uint64_t line = 0;
    attribute a{};
    if (!library_->attr(&inlined, call_line, &a) || library_->formudata(&a, &line) != 0) return {};
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    if (!library_->attr(&inlined, call_file, &a) || library_->formudata(&a, &file) != 0 ||
        library_->getsrcfiles(&unit, &files, &count) != 0)
      return {};
    const char* const source = library_->filesrc(files, file, nullptr, nullptr);
    if (!source) return {};
    return std::string(base_name(source)) + ':' + std::to_string(line);
  }

  const dwarf_library* library_;
  Dwfl* dwfl_ = nullptr;
  rondo_dwfl_callbacks callbacks_{};
  char* debuginfo_path_ = nullptr;
  std::string program_;
};

// Without libdw: the file, the offset in it, and the function if it is exported.
void append_plain(std::vector<code_place>& out, std::uintptr_t address) {
  Dl_info found{};
  code_place place;
  if (::dladdr(reinterpret_cast<void*>(address), &found) != 0 && found.dli_fname) {
    char offset[32];
    std::snprintf(offset, sizeof offset, "+0x%" PRIxPTR,
                  address - reinterpret_cast<std::uintptr_t>(found.dli_fbase));
    place.where = std::string(base_name(found.dli_fname)) + offset;
    if (found.dli_sname) place.function = demangled(found.dli_sname);
    place.of_program =
        base_name(found.dli_fname) == std::string_view(program_invocation_short_name);
  }
  out.push_back(std::move(place));
}

}  // namespace

std::vector<code_place> places_of(std::span<void* const> addresses) {
  static std::mutex one_at_a_time;  // libdw is for one thread
  const std::scoped_lock lock(one_at_a_time);
  const dwarf_reader reader;
  std::vector<code_place> out;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const std::uintptr_t address =
        reinterpret_cast<std::uintptr_t>(addresses[i]) - (i == 0 ? 0 : 1);
    if (!reader.append(out, address)) append_plain(out, address);
  }
  return out;
}

}  // namespace rondo::detail
