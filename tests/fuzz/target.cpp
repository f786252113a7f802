// SPDX-License-Identifier: Apache-2.0
#include "target.hpp"

#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TERN_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TERN_ADDRESS_SANITIZER
#endif

namespace {

std::size_t largest_allocation = SIZE_MAX;

void check(std::size_t size) {
  if (size <= largest_allocation) return;
  const std::size_t allowed = largest_allocation;
  largest_allocation = SIZE_MAX;  // for what the message takes
  std::fprintf(stderr, "an allocation of %zu bytes, %zu are allowed for this input\n", size,
               allowed);
  std::abort();
}

}  // namespace

#ifdef TERN_ADDRESS_SANITIZER
// As sanitizer/allocator_interface.h declares it, which gcc does not install.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*,
                                                                             std::size_t),
                                                         void (*free_hook)(const volatile void*));
namespace {
// Sees what C libraries take too.
[[maybe_unused]] const int kHook = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t size) { check(size); }, [](const volatile void*) {});
}  // namespace
#else
namespace {
void* allocate(std::size_t size) {
  check(size);
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
}  // namespace
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace tern::fuzz {

AllocationBound::AllocationBound(std::size_t input_bytes) {
  largest_allocation = 2 * input_bytes + kConstant;
}
AllocationBound::~AllocationBound() { largest_allocation = SIZE_MAX; }

namespace {
void set_timer(int seconds) {
  const itimerval timer = {{0, 0}, {seconds, 0}};
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}
}  // namespace

TimeBound::TimeBound() {
  std::signal(SIGPROF, [](int) {
    constexpr std::string_view kMessage = "an input took more than ten seconds of CPU time\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
    std::abort();
  });
  set_timer(kSeconds);
}
TimeBound::~TimeBound() { set_timer(0); }

InputFile::InputFile(std::span<const std::uint8_t> input)
    : descriptor_(::memfd_create("input", 0)),
      path_("/proc/self/fd/" + std::to_string(descriptor_)) {
  if (descriptor_ < 0 ||
      ::write(descriptor_, input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
    std::perror("cannot make a file in memory");
    std::abort();
  }
}
InputFile::~InputFile() { ::close(descriptor_); }

void check_message(const char* message) {
  if (std::strchr(message, '\n') == nullptr && std::strlen(message) < 1000) return;
  std::fprintf(stderr, "not one line: %s\n", message);
  std::abort();
}

}  // namespace tern::fuzz
