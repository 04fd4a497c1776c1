/* Declarations beside the code that they are about.
 *
 * Each macro puts one line of text into the object file's section .mcu.declarations and, where there
 * is something to link to, declares the C name. core/dictionary.py reads the sections of all linked
 * objects and writes the tables that define these names, and the data dictionary that hosts read.
 * The section isn't part of the running firmware: final links may discard it.
 */
#ifndef CORE_DECLARE_H
#define CORE_DECLARE_H

#include <stdint.h>

#include "core/flash.h"
#include "core/message.h"

#define DECLARE_JOIN_(a, b) a##b
#define DECLARE_JOIN(a, b) DECLARE_JOIN_(a, b)
#define DECLARE_TEXT_(x) #x
#define DECLARE_TEXT(x) DECLARE_TEXT_(x)
#define DECLARE(text)                                                                                  \
    static const char DECLARE_JOIN(declaration_, __COUNTER__)[]                                        \
        __attribute__((used, section(".mcu.declarations"), aligned(1))) = text

/* A command: `function` runs in task context when the host sends it, with the parameters in order
 * (a buffer takes two words: its size and, through message_bytes(), its bytes). It is refused with
 * `is_shutdown` while shut down. */
#define DECL_COMMAND(function, format)                                                                 \
    void function(const message_word *args);                                                           \
    DECLARE("command " #function " " format)

/* A command that also runs while shut down. */
#define DECL_COMMAND_ALWAYS(function, format)                                                          \
    void function(const message_word *args);                                                           \
    DECLARE("command_always " #function " " format)

/* A response, sent with respond(name, ...). */
#define DECL_RESPONSE(name, format)                                                                    \
    extern const struct message_format name;                                                           \
    DECLARE("response " #name " " format)

/* A reason for shutdown(name); hosts show the text. */
#define DECL_REASON(name, text)                                                                        \
    extern const uint16_t name;                                                                        \
    DECLARE("reason " #name " " text)

/* Dictionary constants. A number may be an expression of literals (after macro expansion). */
#define DECL_CONSTANT(name, value) DECLARE("constant " name " " DECLARE_TEXT(value))
#define DECL_CONSTANT_STR(name, value) DECLARE("constant_str " name " " value)

/* Words for a parameter called `enumeration` or ending in _enumeration. A range counts up the digits
 * that end its first word. */
#define DECL_ENUMERATION(enumeration, word, value)                                                     \
    DECLARE("enumeration " enumeration " " word " 1 " DECLARE_TEXT(value))
#define DECL_ENUMERATION_RANGE(enumeration, word, value, count)                                        \
    DECLARE("enumeration_range " enumeration " " word " " DECLARE_TEXT(count) " " DECLARE_TEXT(value))

/* Run at boot and again after config_reset and reset, task context: set up all static state. */
#define DECL_INIT(function)                                                                            \
    void function(void);                                                                               \
    DECLARE("init " #function)

/* Run each round of the main loop, task context; most return at once unless task_woken(). */
#define DECL_TASK(function)                                                                            \
    void function(void);                                                                               \
    DECLARE("task " #function)

/* Run when shutting down, interrupts off, all timers already dropped: outputs to their defaults. */
#define DECL_ON_SHUTDOWN(function)                                                                     \
    void function(void);                                                                               \
    DECLARE("on_shutdown " #function)

#endif
