/* Errors and verdicts. */

#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

VtError *vt_fatal;

static VtVerdict verdict_of(const char *word)
{
    if (word && strcmp(word, "fail") == 0) {
        return VT_VERDICT_FAIL;
    }
    return word && strcmp(word, "skip") == 0 ? VT_VERDICT_SKIP : VT_VERDICT_ERROR;
}

VtError *vt__new_error(const char *code, json_t *parameters)
{
    VtError *error = vt__allocate(sizeof(*error));

    error->parameters = json_incref(parameters);
    error->kind = code ? vt__error_kind(code) : VT_ERROR_OTHER;
    if (code) {
        json_object_set_new(parameters, "code", json_string(code));
        error->code = vt_error_text(error, "code");
    }
    if (!vt_error_text(error, "message")) {
        char *text = json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS);

        json_object_set_new(parameters, "message", json_sprintf("%s %s", code ? code : "", text ? text : ""));
        free(text);
    }
    error->message = vt_error_text(error, "message");
    error->hint = vt_error_text(error, "hint");
    error->where = vt_error_text(error, "where");
    error->last_words = vt_error_text(error, "last_words");
    error->verdict = verdict_of(vt_error_text(error, "verdict"));
    return error;
}

static VtError *error_of(VtVerdict verdict, const char *format, va_list arguments)
{
    json_t *message = json_vsprintf(format, arguments);

    if (!message) {
        message = json_string("an error whose words are no UTF-8");
    }
    json_t *parameters = json_pack("{s:o, s:s}", "message", message, "verdict", vt_verdict_name(verdict));
    VtError *error = vt__new_error(NULL, parameters);

    json_decref(parameters);
    return error;
}

VtError *vt__local_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    VtError *error = error_of(VT_VERDICT_ERROR, format, arguments);

    va_end(arguments);
    return error;
}

const char *vt_error_text(const VtError *error, const char *member)
{
    return json_string_value(json_object_get(error->parameters, member));
}

void vt_error_free(VtError *error)
{
    if (error) {
        json_decref(error->parameters);
        free(error);
    }
}

/* The reason of a verdict by an error; the caller frees it. */
static char *reason_of(const VtError *error)
{
    const char *hint = error->hint ? error->hint : "";
    size_t size = strlen(error->message) + strlen(hint) + 16;
    char *reason = vt__allocate(size);

    snprintf(reason, size, error->hint ? "%s (hint: %s)" : "%s", error->message, hint);
    return reason;
}

/* Ends the program, and the test by an error, which it takes over. `t` is NULL where there is no connection. */
static void conclude(VtTest *t, VtError *error)
{
    VtVerdict verdict = error->verdict;
    char *reason = reason_of(error);
    bool told = false;

    fprintf(stderr, "%s: %s\n", vt_verdict_name(verdict), reason);
    if (error->last_words) {
        fprintf(stderr, "%s\n", error->last_words);
    }
    if (t) {
        const char *method = verdict == VT_VERDICT_SKIP   ? "org.virt-test.test.Skip"
                             : verdict == VT_VERDICT_FAIL ? "org.virt-test.test.Fail"
                                                          : "org.virt-test.test.Error";
        VtError *untold = NULL;

        json_decref(vt__call(t, method, json_pack("{s:s}", "reason", reason), &untold));
        told = !untold;
        if (untold) {
            fprintf(stderr, "%s\n", untold->message);
            vt_error_free(untold);
        }
        vt_close(t);
    }
    free(reason);
    vt_error_free(error);
    exit(told && verdict == VT_VERDICT_SKIP ? 0 : 1);
}

void vt__propagate(VtTest *t, VtError *error, VtError **errp)
{
    if (errp == &vt_fatal) {
        conclude(t, error);
    } else if (errp) {
        *errp = error;
    } else {
        vt_error_free(error);
    }
}

#define CONCLUDE(t, verdict, format)                               \
    do {                                                           \
        va_list arguments;                                         \
        va_start(arguments, format);                               \
        VtError *error = error_of((verdict), (format), arguments); \
        va_end(arguments);                                         \
        conclude((t), error);                                      \
        abort();                                                   \
    } while (0)

void vt_skip(VtTest *t, const char *format, ...)
{
    CONCLUDE(t, VT_VERDICT_SKIP, format);
}

void vt_fail(VtTest *t, const char *format, ...)
{
    CONCLUDE(t, VT_VERDICT_FAIL, format);
}

void vt_error(VtTest *t, const char *format, ...)
{
    CONCLUDE(t, VT_VERDICT_ERROR, format);
}

bool vt_set_error(VtError **errp, VtVerdict verdict, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vt__propagate(NULL, error_of(verdict, format, arguments), errp);
    va_end(arguments);
    return false;
}
