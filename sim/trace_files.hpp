// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included before everything else in Verilator's writer of FST files, which looks at no error of
// its files: they are opened, mapped and closed through here, where errors are kept.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace tern::sim {

/// errno of the first of the writer's files that could not be written, since reset_trace_error();
/// 0: all is well. Looks at what is open as well.
int trace_error();
void reset_trace_error();

}  // namespace tern::sim

/// As fopen(), tmpfile(), fclose(), mmap() and unlink(). The list of signals, which the writer
/// keeps beside the file as FILE.hier until it is done, has no name here; files are not deleted by
/// name; the mapping of a file that is too short for want of room is memory of its own.
std::FILE* tern_trace_fopen(const char* name, const char* mode);
std::FILE* tern_trace_tmpfile();
int tern_trace_fclose(std::FILE* file);
void* tern_trace_mmap(void* address, std::size_t length, int protection, int flags, int descriptor,
                      off_t offset);
int tern_trace_unlink(const char* name);

#ifdef TERN_TRACE_FILES
#define fopen tern_trace_fopen
#define tmpfile tern_trace_tmpfile
#define fclose tern_trace_fclose
#define mmap tern_trace_mmap
#define unlink tern_trace_unlink
#endif
