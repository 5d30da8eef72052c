# Linearised standard errors made independently of the engine, with R's survey package.
# Usage: Rscript make_variances.R DEMO_DIR UNITS_DIR OUT_DIR
#   UNITS_DIR has units_demo.csv (from make_references.R) and answers_demo.csv, written if absent.
suppressPackageStartupMessages(library(survey))
options(stringsAsFactors = FALSE)
arguments <- commandArgs(trailingOnly = TRUE)
demo <- arguments[1]; inputs <- arguments[2]; out <- arguments[3]

criteria <- c("sexe", "age", "emploi", "statut_occupation", "composition_familiale")
margins <- read.csv(file.path(demo, "margins_demo.csv"), colClasses = "character")
sectors <- read.csv(file.path(demo, "sectors_demo.csv"))
collapses <- read.csv(file.path(demo, "collapses_demo.csv"), colClasses = "character")
adults <- setNames(sectors$pop_18plus_demo, sectors$sector)
units <- read.csv(file.path(inputs, "units_demo.csv"), colClasses = c(rep("character", 7), "numeric"))

# Answers that depend on age and sector: a question to all, one with a filter, two amounts.
answers_file <- file.path(inputs, "answers_demo.csv")
if (!file.exists(answers_file)) {
  set.seed(44)
  n <- nrow(units)
  uneasy <- rbinom(n, 1, plogis(-1.2 + 0.4 * as.numeric(units$age)))
  answers <- data.frame(id = units$id,
    answer = sample(c("1", "2", "dk"), n, TRUE, c(0.45, 0.46, 0.09)),
    filtered = ifelse(uneasy == 1, sample(c("1", "2"), n, TRUE), ""),
    spent = round(rgamma(n, 2, 0.02) * (1 + 0.2 * as.numeric(units$age)), 2),
    earned = round(rgamma(n, 3, 0.002), 2))
  write.csv(answers, answers_file, row.names = FALSE, quote = FALSE)
}
answers <- read.csv(answers_file, colClasses = c(rep("character", 3), "numeric", "numeric"))
units <- cbind(units, answers[match(units$id, answers$id), -1])

units$asked <- units$filtered != ""
units$filtered <- ifelse(units$asked, units$filtered, "1")  # unread where not asked
units$answer <- factor(units$answer); units$filtered <- factor(units$filtered)

# One raked design per sector: sectors are independent, so variances of sums add up.
raked <- function(sector) {
  mine <- units[units$secteur == sector, ]
  totals <- c(`(Intercept)` = adults[[sector]])
  for (criterion in criteria) {
    here <- margins[margins$sector == sector & margins$criterion == criterion, ]
    hit <- collapses$sector == sector & collapses$criterion == criterion
    into <- setNames(collapses$into_code[hit], collapses$category_code[hit])
    merged <- here$category_code %in% names(into)
    here$category_code[merged] <- into[here$category_code[merged]]
    total <- tapply(as.numeric(here$pct) * adults[[sector]] / 100, here$category_code, sum)
    totals[paste0(criterion, names(total))[-1]] <- total[-1]
    mine[[criterion]] <- factor(mine[[criterion]])
  }
  calibrate(svydesign(~1, weights = ~d0, data = mine), reformulate(criteria), totals,
            calfun = "raking", maxit = 500, epsilon = 1e-12)
}
designs <- lapply(setNames(sectors$sector, sectors$sector), raked)
weight <- numeric(nrow(units))
for (sector in names(designs)) weight[units$secteur == sector] <- weights(designs[[sector]])

rows <- data.frame()
keep <- function(what, domain, category, estimate, se)
  rows <<- rbind(rows, data.frame(what, domain, category, estimate = as.vector(estimate),
                                  se = as.vector(se)))
keep_statistic <- function(what, domain, statistic)
  keep(what, domain, sub("^(answer|filtered|spent)", "", names(coef(statistic))), coef(statistic),
       SE(statistic))
# The standard error of the total of z over all sectors, each by svytotal on its own design.
se_of_total <- function(z) sqrt(sum(sapply(names(designs), function(sector) {
  SE(svytotal(~z, update(designs[[sector]], z = z[units$secteur == sector])))^2
})))
keep_ratio <- function(what, domain, category, inside, y, x = 1) {
  bottom <- sum(weight * inside * x)
  estimate <- sum(weight * inside * y) / bottom
  keep(what, domain, category, estimate, se_of_total(inside * (y - estimate * x) / bottom))
}

for (sector in names(designs)) {
  keep_statistic("answer", sector, svymean(~answer, designs[[sector]]))
  keep_statistic("filtered", sector, svymean(~filtered, subset(designs[[sector]], asked)))
  keep_statistic("total", sector, svytotal(~spent, designs[[sector]]))
  keep("ratio", sector, "", coef(svyratio(~spent, ~earned, designs[[sector]])),
       SE(svyratio(~spent, ~earned, designs[[sector]])))
}
for (age in sort(unique(units$age))) {
  for (code in levels(units$answer))
    keep_ratio("answer", paste0("age", age), code, units$age == age, units$answer == code)
  keep_ratio("mean", paste0("age", age), "", units$age == age, units$spent)
}
for (code in levels(units$filtered))
  keep_ratio("filtered", "all", code, units$asked, units$filtered == code)
keep_ratio("ratio", "all", "", TRUE, units$spent, units$earned)
keep("total", "all", "", sum(weight * units$spent), se_of_total(units$spent))
first <- rows[rows$what == "answer" & rows$category == "1" & rows$domain %in% names(designs), ]
for (i in 1:9) for (j in (i + 1):10)
  keep("difference", paste(first$domain[i], first$domain[j], sep = "-"), "1",
       first$estimate[i] - first$estimate[j], sqrt(first$se[i]^2 + first$se[j]^2))
rows$estimate <- sprintf("%.13g", rows$estimate); rows$se <- sprintf("%.13g", rows$se)
write.csv(rows, file.path(out, "expected_variances.csv"), row.names = FALSE, quote = FALSE)
