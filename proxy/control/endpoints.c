#include "control/endpoints.h"

#include "control/config_json.h"
#include "control/pools_json.h"
#include "control/probes.h"
#include "control/prometheus.h"
#include "control/route_json.h"
#include "control/topz.h"

#define TYPE_TEXT    "text/plain; charset=utf-8"
#define TYPE_JSON    "application/json"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

/* Writes the body of an answer; returns the status. */
typedef int (*write_fn)(const struct endpoints_source *source, struct slice query,
                        struct body *out);

static int write_livez(const struct endpoints_source *source, struct slice query, struct body *out)
{
    struct control_view view = source->view(source->arg);

    (void)query;
    return probes_write_live(&view, out) ? 200 : 503;
}

static int write_readyz(const struct endpoints_source *source, struct slice query, struct body *out)
{
    struct control_view view = source->view(source->arg);

    (void)query;
    return probes_write_ready(&view, out) ? 200 : 503;
}

static int write_metrics(const struct endpoints_source *source, struct slice query,
                         struct body *out)
{
    struct control_view view = source->view(source->arg);

    (void)query;
    prometheus_write(&view, out);
    return 200;
}

static int write_pools(const struct endpoints_source *source, struct slice query, struct body *out)
{
    struct control_view view = source->view(source->arg);

    (void)query;
    pools_json_write(&view, out);
    return 200;
}

static int write_route(const struct endpoints_source *source, struct slice query, struct body *out)
{
    struct control_view view = source->view(source->arg);

    return route_json_write(&view, query, out);
}

static int write_topz(const struct endpoints_source *source, struct slice query, struct body *out)
{
    struct control_view view = source->view(source->arg);

    (void)query;
    topz_write(&view, out);
    return 200;
}

static int write_config(const struct endpoints_source *source, struct slice query, struct body *out)
{
    struct control_view view = source->view(source->arg);

    (void)query;
    config_json_write(view.topology->config, out);
    return 200;
}

static int write_drain(const struct endpoints_source *source, struct slice query, struct body *out)
{
    (void)query;
    source->drain(source->arg);
    body_add(out, "draining\n");
    return 200;
}

static const struct endpoint {
    const char *path;
    const char *method; /* GET stands for HEAD too */
    const char *allow;
    const char *content_type;
    write_fn write;
} endpoints[] = {
    {"/livez", "GET", "Allow: GET, HEAD\r\n", TYPE_TEXT, write_livez},
    {"/readyz", "GET", "Allow: GET, HEAD\r\n", TYPE_TEXT, write_readyz},
    {"/metrics", "GET", "Allow: GET, HEAD\r\n", TYPE_METRICS, write_metrics},
    {"/pools", "GET", "Allow: GET, HEAD\r\n", TYPE_JSON, write_pools},
    {"/route", "GET", "Allow: GET, HEAD\r\n", TYPE_JSON, write_route},
    {"/topz", "GET", "Allow: GET, HEAD\r\n", TYPE_JSON, write_topz},
    {"/config", "GET", "Allow: GET, HEAD\r\n", TYPE_JSON, write_config},
    {"/drain", "POST", "Allow: POST\r\n", TYPE_TEXT, write_drain},
};
#define N_ENDPOINTS (sizeof endpoints / sizeof *endpoints)

void endpoints_answer_line(struct endpoints_response *out, int status, const char *line)
{
    *out = (struct endpoints_response){.status = status, .content_type = TYPE_TEXT};
    body_add(&out->body, line);
    body_add(&out->body, "\n");
}

static void answer_not_found(struct endpoints_response *out)
{
    size_t i;

    *out = (struct endpoints_response){.status = 404, .content_type = TYPE_TEXT};
    body_add(&out->body, "not found; known paths:");
    for (i = 0; i < N_ENDPOINTS; i++) {
        body_add(&out->body, " ");
        body_add(&out->body, endpoints[i].path);
    }
    body_add(&out->body, "\n");
}

static bool accepts(const struct endpoint *endpoint, struct slice method)
{
    return slice_is(method, endpoint->method) ||
           (slice_is(method, "HEAD") && slice_is(slice_of("GET"), endpoint->method));
}

void endpoints_answer(const struct endpoints_source *source,
                      const struct endpoints_request *request, struct endpoints_response *out)
{
    size_t i;

    for (i = 0; i < N_ENDPOINTS; i++) {
        const struct endpoint *endpoint = &endpoints[i];

        if (!slice_is(request->path, endpoint->path)) {
            continue;
        }
        if (!accepts(endpoint, request->method)) {
            endpoints_answer_line(out, 405, "method not allowed");
            out->fields = endpoint->allow;
            return;
        }
        *out = (struct endpoints_response){.content_type = endpoint->content_type};
        out->status = endpoint->write(source, request->query, &out->body);
        return;
    }
    answer_not_found(out);
}
