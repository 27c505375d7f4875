// Swagger UI over our own document. No validator badge: it would ask somebody else's server.
const place = document.getElementById("swagger-ui");
window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,
  persistAuthorization: false,
  defaultModelsExpandDepth: -1,
  requestInterceptor: (request) => {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/);
    if (token) request.headers["X-CSRFToken"] = token[1];
    return request;
  },
});
