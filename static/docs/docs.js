// Swagger UI is dark by a class; the page by its theme, or else as the system says.
const system = matchMedia("(prefers-color-scheme: dark)");
const followTheme = () => {
  const theme = document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
  document.documentElement.classList.toggle("dark-mode", theme === "dark");
};
followTheme();
system.addEventListener("change", followTheme);

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
