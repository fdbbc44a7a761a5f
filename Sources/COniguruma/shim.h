#pragma once
#if __has_include(<oniguruma.h>)
#include <oniguruma.h>
#else
#error "oniguruma headers are missing: sudo apt-get install libonig-dev (or: make setup)"
#endif

// The library's own names are macros that the Swift importer can't read.
static inline OnigEncoding d3llm_onig_utf8(void) { return ONIG_ENCODING_UTF8; }
static inline OnigSyntaxType *d3llm_onig_ruby(void) { return ONIG_SYNTAX_RUBY; }

// Variadic in the library: the arguments that fill in the message are those of `info`.
static inline int d3llm_onig_error_message(OnigUChar *buffer, int code, OnigErrorInfo *info) {
    return onig_error_code_to_str(buffer, code, info);
}
