# References made independently of the engine, with R's survey and sampling packages.
# Usage: Rscript make_references.R DEMO_DIR UNITS_DIR OUT_DIR
#   DEMO_DIR has margins_demo.csv, collapses_demo.csv and sectors_demo.csv.
#   UNITS_DIR is where units_*.csv are read, or written if absent.
suppressPackageStartupMessages({library(survey); library(sampling)})
options(digits = 17, stringsAsFactors = FALSE)
arguments <- commandArgs(trailingOnly = TRUE)
demo <- arguments[1]; inputs <- arguments[2]; out <- arguments[3]

criteria <- c("sexe", "age", "emploi", "statut_occupation", "composition_familiale")
margins <- read.csv(file.path(demo, "margins_demo.csv"), colClasses = "character")
sectors <- read.csv(file.path(demo, "sectors_demo.csv"))
collapses <- read.csv(file.path(demo, "collapses_demo.csv"), colClasses = "character")
adults <- setNames(sectors$pop_18plus_demo, sectors$sector)

# The declared collapses, applied to the margins and to the units alike.
collapse <- function(sector, criterion, code) {
  for (i in seq_len(nrow(collapses))) {
    hit <- sector == collapses$sector[i] & criterion == collapses$criterion[i] &
      code == collapses$category_code[i]
    code[hit] <- collapses$into_code[i]
  }
  code
}
margins$code <- collapse(margins$sector, margins$criterion, margins$category_code)
margins$total <- as.numeric(margins$pct) * adults[margins$sector] / 100

write_numbers <- function(frame, name) {
  for (column in names(frame)) if (is.double(frame[[column]]))
    frame[[column]] <- sprintf("%.13g", frame[[column]])
  write.csv(frame, file.path(out, name), row.names = FALSE, quote = FALSE)
}

# Ten sectors: a sample whose shares are off by up to a third, with unequal initial weights.
draw_sector <- function(sector) {
  n <- sectors$n_target_demo[sectors$sector == sector]
  unit <- data.frame(id = sprintf("%s%03d", sector, seq_len(n)), secteur = sector)
  for (criterion in criteria) {
    here <- margins[margins$sector == sector & margins$criterion == criterion, ]
    share <- tapply(here$total, here$code, sum)
    share <- pmax(share / sum(share) * runif(length(share), 0.75, 1.33), 0.02)
    sure <- rep(names(share), 3)
    drawn <- c(sure, sample(names(share), n - length(sure), TRUE, share))
    unit[[criterion]] <- sample(drawn)
  }
  d <- runif(n, 0.6, 1.4)
  unit$d0 <- round(d / sum(d) * adults[[sector]], 4)
  unit
}
units_file <- file.path(inputs, "units_demo.csv")
if (!file.exists(units_file)) {
  set.seed(20260915)
  write.csv(do.call(rbind, lapply(sectors$sector, draw_sector)), units_file,
            row.names = FALSE, quote = FALSE)
}
units <- read.csv(units_file, colClasses = c(rep("character", 7), "numeric"))

functions <- list(
  linear = list(calfun = "linear"),
  raking = list(calfun = "raking"),
  logit = list(calfun = "logit", bounds = c(0.3, 3)),
  truncated = list(calfun = "linear", bounds = c(0.3, 3)),
  logit_tight = list(calfun = "logit", bounds = c(0.5, 2)),
  truncated_tight = list(calfun = "linear", bounds = c(0.5, 2))
)
calibrated <- function(design, formula, totals, how) {
  weights(do.call(calibrate, c(list(design, formula, totals, maxit = 2000, epsilon = 1e-12), how)))
}
population_of <- function(sector) {
  totals <- c(`(Intercept)` = adults[[sector]])
  for (criterion in criteria) {
    here <- margins[margins$sector == sector & margins$criterion == criterion, ]
    by_code <- tapply(here$total, here$code, sum)
    totals[paste0(criterion, names(by_code))[-1]] <- by_code[-1]
  }
  totals
}
expected <- units["id"]
for (sector in sectors$sector) {
  mine <- units$secteur == sector
  sample_here <- units[mine, ]
  for (criterion in criteria) sample_here[[criterion]] <- factor(sample_here[[criterion]])
  design <- svydesign(~1, weights = ~d0, data = sample_here)
  for (name in names(functions)) {
    expected[mine, name] <- tryCatch(
      calibrated(design, reformulate(criteria), population_of(sector), functions[[name]]),
      error = function(e) NA_real_, warning = function(w) NA_real_)
  }
  # sampling::calib, a second implementation, must agree (its own tolerance is about 1e-6).
  x <- model.matrix(reformulate(criteria), sample_here)
  for (name in c("linear", "raking", "logit", "truncated")) {
    how <- list(x, sample_here$d0, population_of(sector)[colnames(x)], method = name,
                max_iter = 2000)
    if (name %in% c("logit", "truncated")) how$bounds <- c(low = 0.3, upp = 3)
    g <- as.vector(do.call(calib, how))
    stopifnot(max(abs(g * sample_here$d0 / expected[mine, name] - 1)) < 1e-5)
  }
}
write_numbers(expected, "expected_demo.csv")

# R's api data: a cluster sample of schools, a categorical and a numeric margin.
data(api)
units_file <- file.path(inputs, "units_api.csv")
if (!file.exists(units_file))
  write.csv(apiclus1[c("cds", "stype", "api99", "pw")], units_file, row.names = FALSE, quote = FALSE)
schools <- read.csv(units_file, colClasses = c(cds = "character"))
types <- table(apipop$stype)
write_numbers(data.frame(variable = c("stype", "stype", "stype", "api99"),
                         category = c(names(types), ""),
                         total = c(as.numeric(types), sum(apipop$api99))), "margins_api.csv")
design <- svydesign(~1, weights = ~pw, data = schools)
totals <- c(`(Intercept)` = sum(types), stypeH = types[["H"]], stypeM = types[["M"]],
            api99 = sum(apipop$api99))
api <- schools["cds"]
for (name in c("linear", "raking"))
  api[[name]] <- calibrated(design, ~stype + api99, totals, functions[[name]])
api$logit <- calibrated(design, ~stype + api99, totals,
                        list(calfun = "logit", bounds = c(0.7, 1.7)))
api$truncated <- calibrated(design, ~stype + api99, totals,
                            list(calfun = "linear", bounds = c(0.6, 1.6)))
write_numbers(api, "expected_api.csv")

# The stratified sample of the same schools: each type calibrated by itself, on two categorical
# and two numeric margins, with bounds that bind in one and that another cannot keep.
units_file <- file.path(inputs, "units_apistrat.csv")
if (!file.exists(units_file))
  write.csv(apistrat[c("cds", "stype", "sch.wide", "comp.imp", "api99", "meals", "pw")],
            units_file, row.names = FALSE, quote = FALSE)
schools <- read.csv(units_file, colClasses = c(cds = "character"))
expected <- schools["cds"]
stated <- NULL
for (type in c("E", "H", "M")) {
  mine <- schools$stype == type
  population <- apipop[apipop$stype == type, ]
  wide <- table(population$sch.wide); improved <- table(population$comp.imp)
  stated <- rbind(stated, data.frame(
    stype = type, variable = rep(c("sch.wide", "comp.imp", "api99", "meals"), c(2, 2, 1, 1)),
    category = c(names(wide), names(improved), "", ""),
    total = c(wide, improved, sum(population$api99), sum(population$meals))))
  totals <- c(`(Intercept)` = nrow(population), sch.wideYes = wide[["Yes"]],
              comp.impYes = improved[["Yes"]], api99 = sum(population$api99),
              meals = sum(population$meals))
  design <- svydesign(~1, weights = ~pw, data = schools[mine, ])
  formula <- ~sch.wide + comp.imp + api99 + meals
  for (name in c("linear", "raking"))
    expected[mine, name] <- calibrated(design, formula, totals, functions[[name]])
  # No g between these bounds meets the margins of the middle schools: R fails there.
  for (name in c("logit", "truncated"))
    expected[mine, name] <- tryCatch(
      calibrated(design, formula, totals,
                 list(calfun = c(logit = "logit", truncated = "linear")[[name]],
                      bounds = c(0.6, 1.4))),
      error = function(e) NA_real_, warning = function(w) NA_real_)
}
write_numbers(stated, "margins_apistrat.csv")
write_numbers(expected, "expected_apistrat.csv")
